#![no_main]
//! See `vrrp_proto::fuzzing::round_trip`.
libfuzzer_sys::fuzz_target!(|data: &[u8]| vrrp_proto::fuzzing::round_trip(data));
