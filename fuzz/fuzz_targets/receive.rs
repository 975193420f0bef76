#![no_main]
//! See `vrrp_proto::fuzzing::receive`.
libfuzzer_sys::fuzz_target!(|data: &[u8]| vrrp_proto::fuzzing::receive(data));
