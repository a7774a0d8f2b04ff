//! The file systems that programs expect.

use core::ffi::CStr;

use rustix::fs::{Mode, mkdir, symlink};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};

use super::fatal::BootError;

/// A file system of the kernel and its place below the new root.
struct Mount {
    kind: &'static str,
    place: &'static str,
    flags: MountFlags,
    options: Option<&'static CStr>,
    /// Whether the place is made first: it is on a file system that is always empty.
    make: bool,
    /// Whether a kernel without it will do.
    optional: bool,
}

const QUIET: MountFlags = MountFlags::NOSUID
    .union(MountFlags::NODEV)
    .union(MountFlags::NOEXEC);

const MOUNTS: [Mount; 7] = [
    Mount {
        kind: "devtmpfs",
        place: "dev",
        flags: MountFlags::NOSUID,
        options: None,
        make: false,
        optional: false,
    },
    Mount {
        kind: "proc",
        place: "proc",
        flags: QUIET,
        options: None,
        make: false,
        optional: false,
    },
    Mount {
        kind: "sysfs",
        place: "sys",
        flags: QUIET,
        options: None,
        make: false,
        optional: false,
    },
    Mount {
        kind: "devpts",
        place: "dev/pts",
        flags: MountFlags::NOSUID.union(MountFlags::NOEXEC),
        options: Some(c"newinstance,ptmxmode=666,mode=620,gid=5"),
        make: true,
        optional: false,
    },
    Mount {
        kind: "tmpfs",
        place: "dev/shm",
        flags: MountFlags::NOSUID.union(MountFlags::NODEV),
        options: Some(c"mode=1777"),
        make: true,
        optional: false,
    },
    Mount {
        kind: "mqueue",
        place: "dev/mqueue",
        flags: QUIET,
        options: None,
        make: true,
        optional: true,
    },
    Mount {
        kind: "cgroup2",
        place: "sys/fs/cgroup",
        flags: QUIET,
        options: Some(c"nsdelegate"),
        make: false,
        optional: true,
    },
];

/// Links that programs expect among the devices. /dev/ptmx is there already: opened,
/// it finds the terminals mounted beside it.
const LINKS: [(&str, &str); 4] = [
    ("/proc/self/fd", "dev/fd"),
    ("/proc/self/fd/0", "dev/stdin"),
    ("/proc/self/fd/1", "dev/stdout"),
    ("/proc/self/fd/2", "dev/stderr"),
];

/// Mounts them below the working directory. There is no /run among them: the
/// root is memory already, and what the image has there stays visible.
pub fn mount_all() -> Result<(), BootError> {
    for entry in &MOUNTS {
        if entry.make {
            make(entry)?;
        }
        match attempt(entry) {
            Err(Errno::NOENT) if !entry.make => {
                make(entry)?;
                attempt(entry).map_err(BootError::at("mount", entry.place))?;
            }
            Err(Errno::NODEV) if entry.optional => {}
            result => result.map_err(BootError::at("mount", entry.place))?,
        }
    }
    for (target, link) in LINKS {
        symlink(target, link).map_err(BootError::at("symlink", link))?;
    }
    Ok(())
}

fn attempt(entry: &Mount) -> Result<(), Errno> {
    mount(
        entry.kind,
        entry.place,
        entry.kind,
        entry.flags,
        entry.options,
    )
}

fn make(entry: &Mount) -> Result<(), BootError> {
    match mkdir(entry.place, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(BootError::at("mkdir", entry.place)(errno)),
    }
}
