//! Outputs of programs that have ended, still held by processes they left behind.

use alloc::vec::Vec;

use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::io::Errno;

use super::output::Scratch;
use crate::sys::read_now;

/// Beyond this the oldest is closed, and who writes to it gets SIGPIPE.
const LIMIT: usize = 64;

/// Reads and drops what is still written there, so that a server started in the
/// background does not die of its first line of log.
#[derive(Debug, Default)]
pub struct Sinks(Vec<OwnedFd>);

impl Sinks {
    /// Takes a reading end over.
    pub fn add(&mut self, fd: OwnedFd) {
        if self.0.len() == LIMIT {
            self.0.remove(0);
        }
        self.0.push(fd);
    }

    /// What to wait on.
    pub fn interest(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().map(|fd| fd.as_fd())
    }

    /// Empties those at the given positions and closes the ones that ended.
    pub fn drop_contents(&mut self, ready: &[usize], scratch: &mut Scratch) {
        let mut position = 0;
        self.0.retain(|fd| {
            let concerned = ready.contains(&position);
            position += 1;
            !concerned || holds_on(fd, scratch)
        });
    }

    /// Closes all of them.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

fn holds_on(fd: &OwnedFd, scratch: &mut Scratch) -> bool {
    match read_now(fd.as_fd(), scratch) {
        Ok(bytes) => !bytes.is_empty(),
        Err(errno) => matches!(errno, Errno::AGAIN | Errno::INTR),
    }
}
