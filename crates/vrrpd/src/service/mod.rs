//! What may wait: programs, pipes, files. All of it runs on the service thread, never on the protocol thread.

pub mod fifo;
pub mod program;
pub mod queue;
pub mod security;
