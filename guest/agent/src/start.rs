//! How the agent starts: as PID 1 of a guest, or for a test.

use alloc::format;
use alloc::string::String;

use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, write};
use rustix::process::{getpid, set_child_subreaper};
use rustix::stdio::stderr;

use crate::agent::Agent;
use crate::boot::fatal::{die, line};
use crate::boot::sequence::{boot, finish};
use crate::clock;
use crate::connection::link::Host;
use crate::exec::cgroup::Cgroups;
use crate::role::Role;
use crate::sys;

/// How to start the agent where it is not PID 1.
pub const USAGE: &str = "usage: actovisor-agent --serve-unix PATH [--cgroup FOLDER]: connect to the host's Unix socket at PATH, \
     and group programs below FOLDER, which is of a cgroup2 file system";

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    socket: String,
    cgroup: Option<String>,
}

/// Why the agent does not start as a process.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The command line is wrong.
    #[error("{0}; {USAGE}")]
    Usage(String),
    /// A step failed.
    #[error("{0}: errno={n}", n = .1.raw_os_error())]
    Step(String, Errno),
}

/// Runs the agent to its end; answers the exit status. PID 1 does not come back.
pub fn run<'a>(arguments: impl Iterator<Item = &'a str>) -> i32 {
    sys::block_signals(sys::ALL_SIGNALS);
    if getpid().is_init() {
        match boot().and_then(|agent| finish().map(|()| agent)) {
            Ok(agent) => agent.serve(),
            Err(error) => die(&error),
        }
        die(&"the agent ended");
    }
    match process(arguments) {
        Ok(agent) => {
            agent.serve();
            0
        }
        Err(error) => {
            // SAFETY: if the descriptor is closed the write fails and nothing is lost.
            let _ = write(unsafe { stderr() }, line(&format!("{error}")).as_bytes());
            1
        }
    }
}

/// An open /dev/null above the standard descriptors, which are all open then:
/// a child can put its own in their place in any order.
pub fn null() -> Result<OwnedFd, Errno> {
    loop {
        let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        if null.as_raw_fd() > 2 {
            return Ok(null);
        }
        core::mem::forget(null);
    }
}

fn process<'a>(arguments: impl Iterator<Item = &'a str>) -> Result<Agent, StartError> {
    let started = clock::boottime();
    let options = options(arguments)?;
    let step = |step: String| move |errno| StartError::Step(step, errno);
    let null = null().map_err(step("/dev/null".into()))?;
    sys::make_ordinary().map_err(step("signals and descriptors".into()))?;
    set_child_subreaper(Some(getpid())).map_err(step("subreaper".into()))?;
    let cgroups = match &options.cgroup {
        Some(folder) => Cgroups::below(folder).map_err(step(folder.clone()))?,
        None => Cgroups::none(),
    };
    let host = Host::Unix(options.socket.clone());
    let mut agent =
        Agent::new(host, Role::Process, cgroups, null, started).map_err(step("signals".into()))?;
    agent.reach_host().map_err(step(options.socket))?;
    Ok(agent)
}

fn options<'a>(mut arguments: impl Iterator<Item = &'a str>) -> Result<Options, StartError> {
    let mut socket = None;
    let mut cgroup = None;
    while let Some(argument) = arguments.next() {
        let place = match argument {
            "--serve-unix" => &mut socket,
            "--cgroup" => &mut cgroup,
            other => return Err(StartError::Usage(format!("unknown argument {other:?}"))),
        };
        let value = arguments
            .next()
            .ok_or_else(|| StartError::Usage(format!("{argument} lacks a value")))?;
        *place = Some(String::from(value));
    }
    let socket = socket.ok_or_else(|| StartError::Usage("there is no --serve-unix".into()))?;
    Ok(Options { socket, cgroup })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_understood_or_refused() {
        let parsed = options(["--serve-unix", "/s", "--cgroup", "/c"].into_iter()).ok();
        assert_eq!(
            parsed,
            Some(Options {
                socket: "/s".into(),
                cgroup: Some("/c".into())
            })
        );
        assert!(options([].into_iter()).is_err());
        assert!(options(["--serve-unix"].into_iter()).is_err());
        assert!(options(["--other"].into_iter()).is_err());
    }
}
