//! What could not be done, in the form that the host is told.

use alloc::string::String;

use rustix::io::Errno;

use crate::protocol::failed::Code;
use crate::protocol::{Failed, from_agent::Body};

/// Why a request could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {message}")]
pub struct Failure {
    /// What kind of failure it is.
    pub code: Code,
    /// The error of the system behind it.
    pub errno: Option<Errno>,
    /// The step at which it happened.
    pub step: &'static str,
    /// One sentence with the value concerned.
    pub message: String,
}

impl Failure {
    /// The request itself is wrong.
    pub fn invalid(step: &'static str, message: String) -> Self {
        Self {
            code: Code::Invalid,
            errno: None,
            step,
            message,
        }
    }

    /// The host gave the request up.
    pub fn cancelled(step: &'static str) -> Self {
        let message = String::from("the host cancelled the request");
        Self {
            code: Code::Cancelled,
            errno: None,
            step,
            message,
        }
    }

    /// A limit of the agent.
    pub fn limit(step: &'static str, message: String) -> Self {
        Self {
            code: Code::Limit,
            errno: None,
            step,
            message,
        }
    }

    /// A system call failed.
    pub fn system(step: &'static str, errno: Errno, message: String) -> Self {
        Self {
            code: code_of(errno),
            errno: Some(errno),
            step,
            message,
        }
    }

    /// The terminal message of the request.
    pub fn into_body(self) -> Body {
        Body::Failed(Failed {
            code: self.code.into(),
            errno: self.errno.map_or(0, Errno::raw_os_error).unsigned_abs(),
            step: self.step.into(),
            message: self.message,
        })
    }
}

fn code_of(errno: Errno) -> Code {
    match errno {
        Errno::NOENT | Errno::NOTDIR => Code::NotFound,
        Errno::ACCESS | Errno::PERM | Errno::ROFS => Code::Permission,
        Errno::NOEXEC | Errno::LIBBAD => Code::BadFormat,
        _ => Code::System,
    }
}
