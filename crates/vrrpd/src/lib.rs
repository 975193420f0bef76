//! A virtual IP address that survives its node: VRRP for Linux that reads keepalived.conf.
//!
//! The binary is this library with a main of one line, so that a test can run the whole daemon on a simulated
//! kernel and a simulated clock. Nothing here is a stable interface for other programs: they build on `vrrp-fsm`,
//! `vrrp-net` and `keepalived-conf`.

mod civil;
pub mod clock;
pub mod commands;
pub mod compat;
mod credentials;
pub mod daemon;
pub mod decode;
pub mod exit;
pub mod host;
mod igmp;
pub mod keepalived;
pub mod load;
pub mod log;
mod netns;
pub mod plan;
pub mod privilege;
pub mod reactor;
pub mod reloading;
pub mod rt;
pub mod runtime_dir;
pub mod service;
pub mod settings;
pub mod survey;
pub mod systemd;
pub mod unwired;
