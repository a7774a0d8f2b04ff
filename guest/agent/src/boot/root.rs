//! The root that programs see: the read-only image below, memory above.

use rustix::fs::{AtFlags, CWD};
use rustix::fs::{FileType, Mode, chmodat, chownat, mkdir, mknodat, stat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{Gid, Uid, chdir, pivot_root};

use super::fatal::BootError;

/// Where the changes of the guest are kept; a directory of the root disk.
const UPPER: &str = "/.actovisor/upper";

/// Where the two are put together; a directory of the root disk.
const ROOT: &str = "/.actovisor/root";

const CHANGES: &str = "/.actovisor/upper/changes";
const WORK: &str = "/.actovisor/upper/work";
const HIDDEN: &str = "/.actovisor/upper/changes/.actovisor";
const OVERLAY: &core::ffi::CStr =
    c"lowerdir=/,upperdir=/.actovisor/upper/changes,workdir=/.actovisor/upper/work";

/// Puts a writable root together and makes it the working directory.
pub fn assemble() -> Result<(), BootError> {
    mount(
        "tmpfs",
        UPPER,
        "tmpfs",
        MountFlags::empty(),
        Some(c"mode=0755"),
    )
    .map_err(|errno| missing("mount-upper", UPPER, errno))?;
    let mode = Mode::from_raw_mode(0o755);
    mkdir(CHANGES, mode).map_err(BootError::at("mkdir-upper", CHANGES))?;
    mkdir(WORK, mode).map_err(BootError::at("mkdir-upper", WORK))?;
    keep_attributes()?;
    // What an overlay shows as absent: the agent's own folder is not for programs.
    mknodat(CWD, HIDDEN, FileType::CharacterDevice, Mode::empty(), 0)
        .map_err(BootError::at("hide-agent", HIDDEN))?;
    mount(
        "overlay",
        ROOT,
        "overlay",
        MountFlags::empty(),
        Some(OVERLAY),
    )
    .map_err(|errno| missing("mount-root", ROOT, errno))?;
    chdir(ROOT).map_err(BootError::at("chdir-root", ROOT))
}

/// Makes the working directory the root of everything, and lets go of the old one.
pub fn switch() -> Result<(), BootError> {
    // With the same directory twice the old root ends up on top of the new one.
    pivot_root(".", ".").map_err(BootError::at("pivot-root", ROOT))?;
    unmount(".", UnmountFlags::DETACH).map_err(BootError::at("unmount-old-root", "/"))?;
    chdir("/").map_err(BootError::at("chdir-root", "/"))
}

/// The root of an overlay has the attributes of its upper directory: those of the image's root.
fn keep_attributes() -> Result<(), BootError> {
    let image = stat("/").map_err(BootError::at("stat-root", "/"))?;
    if image.st_mode & 0o7777 != 0o755 {
        let mode = Mode::from_raw_mode(image.st_mode & 0o7777);
        chmodat(CWD, CHANGES, mode, AtFlags::empty())
            .map_err(BootError::at("chmod-root", CHANGES))?;
    }
    if (image.st_uid, image.st_gid) != (0, 0) {
        let (uid, gid) = (Uid::from_raw(image.st_uid), Gid::from_raw(image.st_gid));
        chownat(CWD, CHANGES, Some(uid), Some(gid), AtFlags::empty())
            .map_err(BootError::at("chown-root", CHANGES))?;
    }
    Ok(())
}

fn missing(step: &'static str, path: &str, errno: Errno) -> BootError {
    if errno == Errno::NOENT {
        return BootError::at(
            step,
            format_args!("the root disk lacks the directory {path}"),
        )(errno);
    }
    BootError::at(step, path)(errno)
}
