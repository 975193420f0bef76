//! Cases of several nodes are in tests/diagnostics; here are the corners.
