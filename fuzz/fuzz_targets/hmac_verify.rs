#![no_main]
//! See `vrrp_proto::fuzzing::hmac_verify`.
libfuzzer_sys::fuzz_target!(|data: &[u8]| vrrp_proto::fuzzing::hmac_verify(data));
