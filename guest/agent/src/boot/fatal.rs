//! The end of a boot that cannot go on.

use alloc::format;
use alloc::string::String;
use core::fmt::Display;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, write};
use rustix::mount::{MountFlags, mount};
use rustix::stdio::stderr;
use rustix::system::{RebootCommand, reboot};

/// A step of the boot that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step={step}, errno={}: {message}", errno.raw_os_error())]
pub struct BootError {
    /// Which step.
    pub step: &'static str,
    /// Why.
    pub errno: Errno,
    /// One sentence with the value concerned.
    pub message: String,
}

impl BootError {
    /// For `map_err`: the step, and what it was about.
    pub fn at(step: &'static str, message: impl Display) -> impl FnOnce(Errno) -> Self {
        move |errno| Self {
            step,
            errno,
            message: format!("{message}"),
        }
    }
}

/// Says why on the kernel's log and resets the machine, which ends the VM.
pub fn die(reason: &dyn Display) -> ! {
    log(&format!("fatal: {reason}"));
    loop {
        let _ = reboot(RebootCommand::Restart);
    }
}

/// Writes a line to the kernel's log, as an error: a quiet console shows it too.
pub fn log(message: &str) {
    let text = format!("<3>{}", line(message));
    let written = match kernel_log() {
        Some(log) => write(log, text.as_bytes()).is_ok(),
        None => false,
    };
    if !written {
        // SAFETY: if the kernel gave us no console, the write fails and nothing is lost.
        let _ = write(unsafe { stderr() }, line(message).as_bytes());
    }
}

/// The form of everything that the agent says: one line.
pub fn line(message: &str) -> String {
    format!("actovisor-agent: {}\n", message.replace('\n', " "))
}

fn kernel_log() -> Option<OwnedFd> {
    let open_at = |path: &str| {
        open(
            path,
            OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .ok()
    };
    open_at("/dev/kmsg").or_else(|| {
        // The image may lack /dev: show the devices on any directory that there is.
        ["/dev", "/.actovisor/upper", "/proc", "/tmp"]
            .iter()
            .find_map(|folder| {
                mount("devtmpfs", *folder, "devtmpfs", MountFlags::NOSUID, None).ok()?;
                open_at(&format!("{folder}/kmsg"))
            })
    })
}
