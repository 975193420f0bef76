//! The lints have their cases in tests/diagnostics; here are the corners.
