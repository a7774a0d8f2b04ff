//! What is known about a file.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustix::fd::AsFd;
use rustix::fs::{AtFlags, CWD, FileType, Stat, readlinkat, statat};
use rustix::io::Errno;
use rustix::path::Arg;

use super::path::absolute;
use crate::failure::Failure;
use crate::protocol::{FileInfo, FileType as Kind, Stat as StatRequest};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Answers a Stat.
pub fn stat(request: &StatRequest) -> Result<FileInfo, Failure> {
    let path = absolute(&request.path)?;
    let name = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    at(CWD, path, String::from(name), request.follow)
        .map_err(|errno| Failure::system("stat", errno, format!("cannot stat {path:?}")))
}

/// What is known about an entry of a directory, under the given name.
pub fn at<P: Arg + Copy>(
    folder: impl AsFd,
    path: P,
    name: String,
    follow: bool,
) -> Result<FileInfo, Errno> {
    let flags = if follow {
        AtFlags::empty()
    } else {
        AtFlags::SYMLINK_NOFOLLOW
    };
    let stat = statat(&folder, path, flags)?;
    let target = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => readlinkat(folder, path, Vec::new())?
            .to_string_lossy()
            .into_owned(),
        _ => String::new(),
    };
    Ok(FileInfo {
        name,
        r#type: kind(&stat).into(),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: u64::try_from(stat.st_size).unwrap_or_default(),
        modified_ns: modified(&stat),
        inode: stat.st_ino,
        links: u32::try_from(stat.st_nlink).unwrap_or(u32::MAX),
        target,
    })
}

fn modified(stat: &Stat) -> i64 {
    let nanos = i64::try_from(stat.st_mtime_nsec).unwrap_or_default();
    stat.st_mtime
        .saturating_mul(NANOS_PER_SECOND)
        .saturating_add(nanos)
}

fn kind(stat: &Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::Regular,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::CharacterDevice => Kind::Character,
        FileType::BlockDevice => Kind::Block,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::Unknown => Kind::Unspecified,
    }
}
