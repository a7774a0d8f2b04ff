//! Pipes or a terminal between a program and the agent.

use alloc::string::String;

use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{self, OFlags, fchown, fcntl_setfl};
use rustix::io::{self, Errno, fcntl_dupfd_cloexec};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Uid;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::spawn::ChildStdio;
use crate::failure::Failure;
use crate::protocol::{Exec, WindowSize};

/// Both ends: the agent's own, and those that the child gets.
#[derive(Debug)]
pub struct Stdio {
    /// Where the agent writes standard input.
    pub input: Option<OwnedFd>,
    /// Where the agent reads standard output, or the terminal.
    pub output: OwnedFd,
    /// Where the agent reads standard error; none with a terminal.
    pub error: Option<OwnedFd>,
    child: ChildEnds,
}

#[derive(Debug)]
enum ChildEnds {
    Pipes {
        input: Option<OwnedFd>,
        output: OwnedFd,
        error: OwnedFd,
    },
    Terminal(OwnedFd),
}

impl Stdio {
    /// Makes what the request asks for; a terminal belongs to `owner`.
    pub fn open(exec: &Exec, owner: Option<u32>) -> Result<Self, Failure> {
        match &exec.tty {
            Some(size) => terminal(exec.stdin, size, owner)
                .map_err(|errno| failed("tty", errno, "cannot open a terminal")),
            None => pipes(exec.stdin).map_err(|errno| failed("pipe", errno, "cannot open a pipe")),
        }
    }

    /// What the child gets; `null` is its input when that is no stream.
    pub fn child<'a>(&'a self, null: BorrowedFd<'a>) -> ChildStdio<'a> {
        match &self.child {
            ChildEnds::Terminal(terminal) => ChildStdio {
                fds: [terminal.as_fd(); 3],
                terminal: true,
            },
            ChildEnds::Pipes {
                input,
                output,
                error,
            } => {
                let input = input.as_ref().map_or(null, |input| input.as_fd());
                ChildStdio {
                    fds: [input, output.as_fd(), error.as_fd()],
                    terminal: false,
                }
            }
        }
    }
}

/// The window size in the form of the system; sizes beyond 65,535 are cut.
pub fn winsize(size: &WindowSize) -> Winsize {
    Winsize {
        ws_row: u16::try_from(size.rows).unwrap_or(u16::MAX),
        ws_col: u16::try_from(size.columns).unwrap_or(u16::MAX),
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

fn pipes(stdin: bool) -> io::Result<Stdio> {
    let (child_input, input) = match stdin {
        true => pipe_with(PipeFlags::CLOEXEC).map(|(read, write)| (Some(read), Some(write)))?,
        false => (None, None),
    };
    let (output, child_output) = pipe_with(PipeFlags::CLOEXEC)?;
    let (error, child_error) = pipe_with(PipeFlags::CLOEXEC)?;
    // Only our end: the flag of a pipe's end is seen by all who share it. The other
    // ends are read in a way that does not need it.
    if let Some(input) = &input {
        fcntl_setfl(input, OFlags::NONBLOCK)?;
    }
    let child = ChildEnds::Pipes {
        input: child_input,
        output: child_output,
        error: child_error,
    };
    Ok(Stdio {
        input,
        output,
        error: Some(error),
        child,
    })
}

fn terminal(stdin: bool, size: &WindowSize, owner: Option<u32>) -> io::Result<Stdio> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags)?;
    unlockpt(&master)?;
    let child = ioctl_tiocgptpeer(&master, flags)?;
    tcsetwinsize(&master, winsize(size))?;
    if let Some(uid) = owner {
        fchown(&child, Some(Uid::from_raw(uid)), None)?;
    }
    let status = fs::fcntl_getfl(&master)?;
    fcntl_setfl(&master, status | OFlags::NONBLOCK)?;
    let input = if stdin {
        Some(fcntl_dupfd_cloexec(&master, 3)?)
    } else {
        None
    };
    Ok(Stdio {
        input,
        output: master,
        error: None,
        child: ChildEnds::Terminal(child),
    })
}

fn failed(step: &'static str, errno: Errno, message: &str) -> Failure {
    Failure::system(step, errno, String::from(message))
}
