//! Telling systemd how it goes (sd_notify(3)): one datagram to the socket that `NOTIFY_SOCKET` names.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// What systemd can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The configuration runs.
    Ready,
    /// A new configuration is being read, since this moment of CLOCK_MONOTONIC. Unit: microseconds.
    Reloading(u64),
    /// The end has begun.
    Stopping,
}

/// Says it, when there is a systemd that wants to hear. Failing to is no reason to fail.
pub fn notify(state: State) {
    if let Some(address) = std::env::var_os("NOTIFY_SOCKET")
        && let Some(address) = socket_address(address.as_bytes())
    {
        send(&address, state);
    }
}

fn socket_address(name: &[u8]) -> Option<SocketAddr> {
    match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name).ok(),
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name)).ok(),
    }
}

fn send(address: &SocketAddr, state: State) {
    let text = match state {
        State::Ready => "READY=1\n".into(),
        State::Reloading(since) => format!("RELOADING=1\nMONOTONIC_USEC={since}\n"),
        State::Stopping => "STOPPING=1\n".into(),
    };
    if let Ok(socket) = UnixDatagram::unbound() {
        let _ = socket.send_to_addr(text.as_bytes(), address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_arrive_as_systemd_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let address = socket_address(path.as_os_str().as_bytes()).unwrap();
        for (state, text) in [
            (State::Ready, "READY=1\n"),
            (State::Reloading(7), "RELOADING=1\nMONOTONIC_USEC=7\n"),
            (State::Stopping, "STOPPING=1\n"),
        ] {
            send(&address, state);
            let mut buf = [0; 64];
            let len = socket.recv(&mut buf).unwrap();
            assert_eq!(&buf[..len], text.as_bytes());
        }
        assert!(
            socket_address(b"@abstract")
                .is_some_and(|address| address.as_abstract_name().is_some())
        );
    }
}
