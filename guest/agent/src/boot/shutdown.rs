//! The end of the machine.

use alloc::string::String;
use alloc::vec::Vec;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::sync;
use rustix::mount::{UnmountFlags, unmount};
use rustix::system::{RebootCommand, reboot};

use crate::clock::{monotonic, timespec};
use crate::files::whole;
use crate::reaper::{Children, Reaper};
use crate::sys::{self, Target};

const SIGKILL: u32 = 9;

/// How long killed processes may take to be gone.
const GONE: u64 = 2_000_000_000;

const MAX_MOUNTS: usize = 1024 * 1024;

/// File systems that keep nothing.
const VOLATILE: [&str; 9] = [
    "overlay", "tmpfs", "devtmpfs", "devpts", "proc", "sysfs", "mqueue", "cgroup2", "ramfs",
];

/// Kills everything, writes everything out and stops the machine.
pub fn power_off(reaper: &Reaper) -> ! {
    let _ = sys::kill(Target::Everyone, SIGKILL);
    wait_for_children(reaper);
    sync();
    for place in kept_mounts() {
        let _ = unmount(place.as_str(), UnmountFlags::empty());
    }
    loop {
        // Without a way to cut the power the kernel halts or refuses; a reset ends the VM.
        let _ = reboot(RebootCommand::Restart);
    }
}

fn wait_for_children(reaper: &Reaper) {
    let end = monotonic() + GONE;
    while reaper.reap(|_, _| {}) == Children::Some {
        let left = end.saturating_sub(monotonic());
        if left == 0 {
            return;
        }
        let mut fds = [PollFd::from_borrowed_fd(reaper.interest(), PollFlags::IN)];
        let _ = poll(&mut fds, Some(&timespec(left)));
    }
}

/// Places of file systems that keep something, the last mounted first.
fn kept_mounts() -> Vec<String> {
    let table = whole::read("/proc/self/mounts", MAX_MOUNTS).unwrap_or_default();
    let table = String::from_utf8_lossy(&table);
    table.lines().rev().filter_map(kept).collect()
}

/// device place kind options 0 0, with spaces in names written as \040
fn kept(line: &str) -> Option<String> {
    let mut fields = line.split(' ');
    let place = fields.nth(1)?;
    let kind = fields.next()?;
    (!VOLATILE.contains(&kind)).then(|| unescape(place))
}

fn unescape(place: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(place.into(), |place: String, (escape, character)| {
        place.replace(escape, character)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_keeps_something_is_unmounted() {
        assert_eq!(kept("proc /proc proc rw 0 0"), None);
        assert_eq!(
            kept("/dev/vdb /data\\040one ext4 rw 0 0"),
            Some("/data one".into())
        );
    }
}
