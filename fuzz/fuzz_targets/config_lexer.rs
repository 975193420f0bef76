#![no_main]
//! See `keepalived_conf::fuzzing::lexer`.
libfuzzer_sys::fuzz_target!(|data: &[u8]| keepalived_conf::fuzzing::lexer(data));
