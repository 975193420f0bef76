#![no_main]
//! See `keepalived_conf::fuzzing::expansion`.
libfuzzer_sys::fuzz_target!(|data: &[u8]| keepalived_conf::fuzzing::expansion(data));
