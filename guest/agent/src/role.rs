//! What the agent is to its system: the first process, or one of many.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::stdio::stderr;

use crate::boot::{fatal, shutdown};
use crate::clock::{monotonic, timespec};
use crate::reaper::Reaper;
use crate::session::Session;
use crate::sys::{self, Target};

const SIGKILL: u32 = 9;

/// How long the last answer may take to leave.
const LAST_ANSWER: u64 = 1_000_000_000;

/// Who the agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// PID 1 of a guest: every other process is there for the host.
    Init,
    /// A process of a system that is not its own; for tests.
    Process,
}

impl Role {
    /// Kills every process that is not a program of an open request, too.
    pub fn kill_everything(self) {
        if self == Self::Init {
            let _ = sys::kill(Target::Everyone, SIGKILL);
        }
    }

    /// Says what the host did wrong, where it can be read.
    pub fn report(self, message: &str) {
        match self {
            Self::Init => fatal::log(message),
            Self::Process => {
                // SAFETY: descriptor 2 is open: the start of the agent saw to that.
                let stderr = unsafe { stderr() };
                let _ = rustix::io::write(stderr, fatal::line(message).as_bytes());
            }
        }
    }

    /// Sends the last answer and ends the machine; returns where it is not ours to end.
    pub fn power_off(self, session: &mut Session, reaper: &Reaper) {
        let end = monotonic() + LAST_ANSWER;
        while !session.outbox.is_empty() && session.flush().is_ok() {
            let left = end.saturating_sub(monotonic());
            if left == 0 {
                break;
            }
            let mut fds = [PollFd::new(&session.socket, PollFlags::OUT)];
            let _ = poll(&mut fds, Some(&timespec(left)));
        }
        if self == Self::Init {
            shutdown::power_off(reaper);
        }
    }
}
