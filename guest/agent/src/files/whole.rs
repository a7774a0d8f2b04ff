//! Small files of the guest, read in one go.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustix::buffer::spare_capacity;
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::{Errno, read as read_some};

use crate::failure::Failure;

const BLOCK: usize = 4096;

/// The contents of a regular file of at most `limit` bytes.
pub fn read(path: &str, limit: usize) -> Result<Vec<u8>, Failure> {
    let (file, _) = open_regular(path)?;
    let mut contents = Vec::new();
    loop {
        contents.reserve(BLOCK);
        match read_some(&file, spare_capacity(&mut contents)) {
            Ok(0) => return Ok(contents),
            Ok(_) if contents.len() > limit => {
                return Err(Failure::limit(
                    "read",
                    format!("{path:?} is longer than {limit} bytes"),
                ));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => {
                return Err(Failure::system(
                    "read",
                    errno,
                    format!("cannot read {path:?}"),
                ));
            }
        }
    }
}

/// Opens a regular file for reading, and its size. Never waits, whatever the path names.
pub fn open_regular(path: &str) -> Result<(OwnedFd, u64), Failure> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let failed = |errno| Failure::system("open", errno, format!("cannot open {path:?}"));
    let file = open(path, flags, Mode::empty()).map_err(|errno| match errno {
        // A socket, or a device without a driver.
        Errno::NXIO | Errno::NODEV => no_file(path, "a socket or device"),
        errno => failed(errno),
    })?;
    let stat = fstat(&file).map_err(failed)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok((file, u64::try_from(stat.st_size).unwrap_or_default())),
        FileType::Directory => Err(no_file(path, "a directory")),
        FileType::Fifo => Err(no_file(path, "a FIFO")),
        _ => Err(no_file(path, "a socket or device")),
    }
}

fn no_file(path: &str, what: &str) -> Failure {
    let mut message = String::from("only regular files can be read: ");
    message.push_str(&format!("{path:?} is {what}"));
    Failure::invalid("open", message)
}
