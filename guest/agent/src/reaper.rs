//! The duty of PID 1: no child stays a zombie.

use core::mem::MaybeUninit;

use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::io::{self, Errno, read};
use rustix::process::{Pid, WaitOptions, WaitStatus, wait};

use crate::sys;

/// Size of `struct signalfd_siginfo`.
const SIGNAL_INFO: usize = 128;

/// Learns of children that end.
#[derive(Debug)]
pub struct Reaper {
    signals: OwnedFd,
}

/// What became of the children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Children {
    /// Some are alive.
    Some,
    /// There are none.
    None,
}

impl Reaper {
    /// SIGCHLD must be blocked.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            signals: sys::child_signals()?,
        })
    }

    /// Readable when `reap` has something to do.
    pub fn interest(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }

    /// Reaps every child that ended, adopted ones included, and tells of each.
    pub fn reap(&self, mut ended: impl FnMut(Pid, WaitStatus)) -> Children {
        let mut info = [MaybeUninit::<u8>::uninit(); SIGNAL_INFO];
        // One read takes the signal back, however many children it stood for.
        let _ = read(&self.signals, &mut info);
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => ended(pid, status),
                Ok(None) => return Children::Some,
                Err(Errno::INTR) => {}
                Err(_) => return Children::None,
            }
        }
    }
}
