#![no_main]
//! See `keepalived_conf::fuzzing::whole`.
libfuzzer_sys::fuzz_target!(|data: &[u8]| keepalived_conf::fuzzing::whole(data));
