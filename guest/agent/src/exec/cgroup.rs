//! A control group for each program, so that a kill reaches what left its process group.

use alloc::format;
use alloc::vec::Vec;

use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, unlinkat};
use rustix::io::{self, pread, write};

/// Groups made ahead and kept for the next program.
const KEPT: usize = 8;

/// Groups that still hold processes of a program that ended; more are forgotten
/// and stay behind as empty folders.
const LINGERING: usize = 256;

/// The groups, made below one folder of a cgroup2 file system and used again when empty.
#[derive(Debug)]
pub struct Cgroups {
    parent: Option<OwnedFd>,
    free: Vec<Cgroup>,
    lingering: Vec<Cgroup>,
    made: u32,
    given_back: bool,
    looked_at: usize,
}

/// One group.
#[derive(Debug)]
pub struct Cgroup {
    folder: OwnedFd,
    events: OwnedFd,
    number: u32,
    /// Linux (6.12 and 6.18 among others) kills a child started in a group that
    /// was killed once, however long ago: such a group is not used again.
    killed: bool,
}

impl Cgroups {
    /// Without cgroup2: programs get none.
    pub fn none() -> Self {
        Self {
            parent: None,
            free: Vec::new(),
            lingering: Vec::new(),
            made: 0,
            given_back: false,
            looked_at: 0,
        }
    }

    /// Makes groups below `path`.
    pub fn below(path: &str) -> io::Result<Self> {
        let parent = openat(
            CWD,
            path,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let mut cgroups = Self::none();
        cgroups.parent = Some(parent);
        Ok(cgroups)
    }

    /// A group without processes; none where there is no cgroup2 or it refuses.
    pub fn take(&mut self) -> Option<Cgroup> {
        if let Some(cgroup) = self.free.pop() {
            return Some(cgroup);
        }
        let cgroup = Cgroup::make(self.parent.as_ref()?, self.made).ok()?;
        self.made += 1;
        Some(cgroup)
    }

    /// Makes the first group, so that the first program does not wait for it.
    pub fn prepare(&mut self) {
        if self.free.is_empty()
            && let Some(cgroup) = self.take()
        {
            self.free.push(cgroup);
        }
    }

    /// Takes back the group of a program that ended.
    pub fn give_back(&mut self, cgroup: Cgroup) {
        if self.lingering.len() == LINGERING {
            self.lingering.remove(0);
        }
        self.lingering.push(cgroup);
        self.given_back = true;
    }

    /// Makes groups given back since the last time available again, where they are
    /// empty, and looks at one of those that were not.
    pub fn tidy(&mut self) {
        if !self.given_back {
            return;
        }
        self.given_back = false;
        self.look_at(self.lingering.len().wrapping_sub(1));
        if !self.lingering.is_empty() {
            self.looked_at = (self.looked_at + 1) % self.lingering.len();
            self.look_at(self.looked_at);
        }
    }

    fn look_at(&mut self, index: usize) {
        if self.lingering.get(index).is_some_and(Cgroup::is_empty) {
            let cgroup = self.lingering.swap_remove(index);
            self.keep(cgroup);
        }
    }

    fn keep(&mut self, cgroup: Cgroup) {
        if self.free.len() < KEPT && !cgroup.killed {
            self.free.push(cgroup);
        } else if let Some(parent) = &self.parent {
            let _ = unlinkat(parent, name(cgroup.number).as_str(), AtFlags::REMOVEDIR);
        }
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        let Some(parent) = &self.parent else { return };
        for cgroup in self.free.iter().chain(&self.lingering) {
            let _ = unlinkat(parent, name(cgroup.number).as_str(), AtFlags::REMOVEDIR);
        }
    }
}

impl Cgroup {
    fn make(parent: &OwnedFd, number: u32) -> io::Result<Self> {
        let name = name(number);
        mkdirat(parent, name.as_str(), Mode::from_raw_mode(0o755))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(parent, name.as_str(), flags, Mode::empty())?;
        let events = openat(
            &folder,
            "cgroup.events",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        Ok(Self {
            folder,
            events,
            number,
            killed: false,
        })
    }

    /// Its folder, for a child to start in.
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Kills every process in it.
    pub fn kill(&mut self) -> io::Result<()> {
        self.killed = true;
        let kill = openat(
            &self.folder,
            "cgroup.kill",
            OFlags::WRONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        write(kill, b"1").map(drop)
    }

    fn is_empty(&self) -> bool {
        let mut text = [0; 64];
        match pread(&self.events, &mut text, 0) {
            Ok(count) => text[..count].starts_with(b"populated 0"),
            Err(_) => false,
        }
    }
}

fn name(number: u32) -> alloc::string::String {
    format!("actovisor.{number}")
}
