//! Entering a network namespace by its name.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Where `ip netns add` keeps them.
const DIRECTORY: &str = "/run/netns";

/// Moves the calling thread, and all that it will start, into the network namespace `name`.
pub(crate) fn enter(name: &str) -> io::Result<()> {
    crate::service::processes::prepare();
    let file = File::open(Path::new(DIRECTORY).join(name))?;
    Ok(move_into_link_name_space(
        std::os::fd::AsFd::as_fd(&file),
        Some(LinkNameSpaceType::Network),
    )?)
}
