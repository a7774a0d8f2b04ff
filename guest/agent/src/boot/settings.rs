//! Limits and switches of the kernel.

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, write};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::fatal::BootError;

/// Open files of a program: what it gets, and what it may raise that to. Not more
/// at first, for programs that go through all possible descriptors.
const OPEN_FILES: Rlimit = Rlimit {
    current: Some(65_536),
    maximum: Some(1_048_576),
};

/// Switches that distributions set and the kernel does not.
const SWITCHES: [(&str, &str); 3] = [
    ("/proc/sys/fs/protected_hardlinks", "1"),
    ("/proc/sys/fs/protected_symlinks", "1"),
    ("/proc/sys/kernel/kptr_restrict", "1"),
];

/// Raises the limit of open files, for the agent and all programs.
pub fn raise_limits() -> Result<(), BootError> {
    setrlimit(Resource::Nofile, OPEN_FILES).map_err(BootError::at(
        "rlimit",
        "cannot set the limit of open files",
    ))
}

/// Turns on what the kernel has; /proc is mounted.
pub fn harden() -> Result<(), BootError> {
    for (path, value) in SWITCHES {
        let switch = match open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
            Err(Errno::NOENT) => continue,
            result => result.map_err(BootError::at("sysctl", path))?,
        };
        write(&switch, value.as_bytes()).map_err(BootError::at("sysctl", path))?;
    }
    Ok(())
}
