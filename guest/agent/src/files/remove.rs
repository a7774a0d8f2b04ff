//! Carrying a Remove out, a part at a time.

use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, SeekFrom, openat, seek, unlinkat};
use rustix::io::Errno;

use super::list::names;
use super::path::entry;
use crate::failure::Failure;
use crate::protocol::{Done, Remove, from_agent::Body};

/// Directories in directories; each one on the way down is held open.
const MAX_DEPTH: usize = 1024;

/// Entries removed before others get their turn.
const BATCH: usize = 64;

/// A directory to which something is added as fast as it is emptied is given up after this.
const MAX_ROUNDS: u32 = 16;

/// A tree that is being removed. Symbolic links in it are removed, never followed.
#[derive(Debug)]
pub struct Removal {
    path: String,
    parent: OwnedFd,
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    name: CString,
    folder: OwnedFd,
    names: Vec<CString>,
    rounds: u32,
}

/// What became of a Remove at its start.
#[derive(Debug)]
pub enum Removed {
    /// It is done.
    Done,
    /// It is a tree; `step` removes it.
    Tree(Removal),
}

impl Removal {
    /// Removes a file or an empty directory at once, and begins with a tree.
    pub fn start(request: &Remove) -> Result<Removed, Failure> {
        let (folder, name) = entry(&request.path)?;
        let failed = |errno| failed(&request.path, errno);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent = openat(CWD, folder, flags, Mode::empty()).map_err(failed)?;
        let name = CString::new(name).map_err(|_| failed(Errno::INVAL))?;
        if remove(&parent, &name, request.recursive).map_err(failed)? {
            return Ok(Removed::Done);
        }
        let mut removal = Self {
            path: request.path.clone(),
            parent,
            levels: Vec::new(),
        };
        removal.descend(name)?;
        Ok(Removed::Tree(removal))
    }

    /// Removes some more; answers the terminal message at the end.
    pub fn step(&mut self) -> Option<Body> {
        for _ in 0..BATCH {
            match self.remove_one() {
                Ok(()) if self.levels.is_empty() => return Some(Body::Done(Done { bytes: 0 })),
                Ok(()) => {}
                Err(failure) => return Some(failure.into_body()),
            }
        }
        None
    }

    fn remove_one(&mut self) -> Result<(), Failure> {
        let Some(level) = self.levels.last_mut() else {
            return Ok(());
        };
        if level.names.is_empty() {
            level.names = names(&level.folder).map_err(|errno| failed(&self.path, errno))?;
        }
        match level.names.pop() {
            None => self.ascend(),
            Some(name) => match remove(&level.folder, &name, true) {
                Ok(true) | Err(Errno::NOENT) => Ok(()),
                Ok(false) => self.descend(name),
                Err(errno) => Err(failed(&self.path, errno)),
            },
        }
    }

    fn descend(&mut self, name: CString) -> Result<(), Failure> {
        if self.levels.len() == MAX_DEPTH {
            let message = format!("{:?} is deeper than {MAX_DEPTH} directories", self.path);
            return Err(Failure::limit("remove", message));
        }
        let parent = self
            .levels
            .last()
            .map_or(&self.parent, |level| &level.folder);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(parent, name.as_c_str(), flags, Mode::empty())
            .map_err(|errno| failed(&self.path, errno))?;
        self.levels.push(Level {
            name,
            folder,
            names: Vec::new(),
            rounds: 0,
        });
        Ok(())
    }

    /// The directory at the bottom is at its end: removes it, or begins again where
    /// the file system skipped entries because others were removed meanwhile.
    fn ascend(&mut self) -> Result<(), Failure> {
        let Some(mut level) = self.levels.pop() else {
            return Ok(());
        };
        let parent = self
            .levels
            .last()
            .map_or(&self.parent, |level| &level.folder);
        match unlinkat(parent, level.name.as_c_str(), AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::NOTEMPTY) if level.rounds < MAX_ROUNDS => {
                level.rounds += 1;
                seek(&level.folder, SeekFrom::Start(0))
                    .map_err(|errno| failed(&self.path, errno))?;
                self.levels.push(level);
                Ok(())
            }
            Err(errno) => Err(failed(&self.path, errno)),
        }
    }
}

/// Removes an entry; answers false when it is a directory that has to be emptied first.
fn remove(folder: impl AsFd, name: &CStr, recursive: bool) -> Result<bool, Errno> {
    match unlinkat(&folder, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => {}
        result => return result.map(|()| true),
    }
    match unlinkat(&folder, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOTEMPTY) if recursive => Ok(false),
        result => result.map(|()| true),
    }
}

fn failed(path: &str, errno: Errno) -> Failure {
    Failure::system("remove", errno, format!("cannot remove {path:?}"))
}
