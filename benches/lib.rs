//! Criterion benches of the workspace; each file in `benches/` is one subject.
