//! Waiting, on the service thread's runtime, for a descriptor that it knows no type for.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Takes `descriptor`, which must be non-blocking.
#[allow(
    unsafe_code,
    reason = "tokio cannot see in a trait what an OwnedFd keeps to"
)]
pub(super) fn readable(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd is open for as long as it lives, always answers with the same descriptor, and is handed over.
    let registered = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
    registered.map_err(io::Error::from)
}
