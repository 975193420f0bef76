//! `vrrpd`, and `keepalived` where a link of that name points here: see [`vrrpd::commands`].

fn main() -> std::process::ExitCode {
    vrrpd::commands::main(std::env::args_os())
}
