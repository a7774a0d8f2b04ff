//! Answering a List, a part at a time.

use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem::MaybeUninit;

use prost::Message as _;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, RawDir, open};
use rustix::io::Errno;

use super::info;
use super::path::absolute;
use crate::failure::Failure;
use crate::protocol::{Entries, List};

/// A part has at most this many entries, ...
const MAX_ENTRIES: usize = 256;

/// ... and beyond this many bytes it is sent: links with long targets are 4 KiB each.
const FULL: usize = 48 * 1024;

/// What the kernel is asked for at once.
const NAMES: usize = 8 * 1024;

/// A directory that is being listed.
#[derive(Debug)]
pub struct Listing {
    folder: OwnedFd,
    path: String,
    names: Vec<CString>,
}

impl Listing {
    /// Opens the directory.
    pub fn open(request: &List) -> Result<Self, Failure> {
        let path = absolute(&request.path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let folder = open(path, flags, Mode::empty()).map_err(|errno| {
            Failure::system("open", errno, format!("cannot open the directory {path:?}"))
        })?;
        Ok(Self {
            folder,
            path: path.into(),
            names: Vec::new(),
        })
    }

    /// The next part; none at the end. Names that are no UTF-8 are shown with replacement characters.
    pub fn part(&mut self) -> Result<Option<Entries>, Failure> {
        let mut entries = Vec::new();
        let mut bytes = 0;
        while entries.len() < MAX_ENTRIES && bytes < FULL {
            if self.names.is_empty() {
                self.names = names(&self.folder).map_err(|errno| self.failed(errno))?;
                self.names.reverse();
            }
            let Some(name) = self.names.pop() else { break };
            match info::at(
                &self.folder,
                name.as_c_str(),
                name.to_string_lossy().into_owned(),
                false,
            ) {
                Ok(entry) => {
                    bytes += entry.encoded_len();
                    entries.push(entry);
                }
                // Removed since it was named.
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(self.failed(errno)),
            }
        }
        Ok((!entries.is_empty()).then_some(Entries { entries }))
    }

    fn failed(&self, errno: Errno) -> Failure {
        Failure::system(
            "list",
            errno,
            format!("cannot list the directory {:?}", self.path),
        )
    }
}

/// The next names of a directory, without "." and ".."; empty at its end.
pub fn names(folder: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut buffer = [MaybeUninit::<u8>::uninit(); NAMES];
    let mut entries = RawDir::new(folder, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.into());
        }
        if entries.is_buffer_empty() && !names.is_empty() {
            break;
        }
    }
    Ok(names)
}
