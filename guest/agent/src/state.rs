//! The connection of the agent, or what it does without one.

use alloc::boxed::Box;

use rustix::io::Errno;

use crate::connection::violation::Violation;
use crate::session::Session;

/// Whether there is a connection.
#[derive(Debug)]
pub enum State {
    /// There is one.
    Connected(Box<Session>),
    /// The processes of the last connection were killed and are not all gone.
    Clearing {
        /// When they are no longer waited for.
        until: u64,
    },
    /// The host could not be reached.
    Waiting {
        /// When to try again.
        until: u64,
        /// How long to wait after that.
        pause: u64,
    },
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// By the host.
    #[error("the host closed it")]
    Closed,
    /// By the system.
    #[error("it broke: {0}")]
    Broken(Errno),
    /// By the agent.
    #[error("the host broke the protocol: {0}")]
    Violated(#[from] Violation),
}
