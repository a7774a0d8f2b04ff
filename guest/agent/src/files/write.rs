//! Carrying a WriteFile out.

use alloc::format;
use alloc::string::String;

use rustix::fd::OwnedFd;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, fchmod, fchown, mkdir, open, openat, renameat, statat,
    unlinkat,
};
use rustix::io::{Errno, write};
use rustix::process::{Gid, Uid};

use super::path::entry;
use crate::clock;
use crate::connection::flow::ReceiveWindow;
use crate::connection::outbox::Outbox;
use crate::connection::violation::Violation;
use crate::failure::Failure;
use crate::protocol::{Done, Stream, WriteFile};

const DEFAULT_MODE: u32 = 0o644;
const PARENT_MODE: u32 = 0o755;

/// A file that is being written beside its place. Dropped unfinished, it is removed.
#[derive(Debug)]
pub struct Writing {
    folder: OwnedFd,
    file: OwnedFd,
    temporary: Option<String>,
    name: String,
    request: WriteFile,
    window: ReceiveWindow,
    written: u64,
}

impl Writing {
    /// Opens a temporary file in the folder of the path.
    pub fn open(id: u32, request: WriteFile) -> Result<Self, Failure> {
        let (folder_path, name) = entry(&request.path)?;
        let folder = open_folder(folder_path, request.parents)?;
        refuse_others(&folder, name, &request.path)?;
        let temporary = format!(".actovisor-{:x}-{id:x}", clock::boottime());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&folder, temporary.as_str(), flags, Mode::RUSR | Mode::WUSR).map_err(
            |errno| {
                Failure::system(
                    "open",
                    errno,
                    format!("cannot create a file in {folder_path:?}"),
                )
            },
        )?;
        let (temporary, name, window) = (Some(temporary), name.into(), ReceiveWindow::new());
        Ok(Self {
            folder,
            file,
            temporary,
            name,
            request,
            window,
            written: 0,
        })
    }

    /// Takes bytes of the host: the outer error ends the connection, the inner one the request.
    pub fn receive(
        &mut self,
        request: u32,
        bytes: &[u8],
        outbox: &mut Outbox,
    ) -> Result<Result<(), Failure>, Violation> {
        self.window.receive(bytes.len()).map_err(|granted| {
            let stream = Stream::File;
            Violation::BeyondGrant {
                request,
                stream,
                bytes: bytes.len(),
                granted,
            }
        })?;
        if let Err(errno) = self.write(bytes) {
            return Ok(Err(self.failed("write", errno)));
        }
        let credit = self.window.consume(bytes.len());
        outbox.credit(request, Stream::File, credit);
        Ok(Ok(()))
    }

    /// Puts the file in its place.
    pub fn finish(&mut self) -> Result<Done, Failure> {
        let WriteFile { uid, gid, .. } = self.request;
        // The change of owner takes set-user-ID bits away, so the mode comes after it.
        if (uid, gid) != (0, 0) || !rustix::process::geteuid().is_root() {
            fchown(
                &self.file,
                Some(Uid::from_raw(uid)),
                Some(Gid::from_raw(gid)),
            )
            .map_err(|errno| self.failed("chown", errno))?;
        }
        let mode = if self.request.mode == 0 {
            DEFAULT_MODE
        } else {
            self.request.mode & 0o7777
        };
        fchmod(&self.file, Mode::from_raw_mode(mode))
            .map_err(|errno| self.failed("chmod", errno))?;
        let temporary = self.temporary.as_deref().unwrap_or_default();
        renameat(&self.folder, temporary, &self.folder, self.name.as_str())
            .map_err(|errno| self.failed("rename", errno))?;
        self.temporary = None;
        Ok(Done {
            bytes: self.written,
        })
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            match write(&self.file, bytes) {
                Ok(count) => {
                    bytes = &bytes[count..];
                    self.written += count as u64;
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn failed(&self, step: &'static str, errno: Errno) -> Failure {
        Failure::system(step, errno, format!("cannot write {:?}", self.request.path))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = unlinkat(&self.folder, temporary.as_str(), AtFlags::empty());
        }
    }
}

fn open_folder(path: &str, parents: bool) -> Result<OwnedFd, Failure> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let failed =
        |errno| Failure::system("open", errno, format!("cannot open the directory {path:?}"));
    match open(path, flags, Mode::empty()) {
        Err(Errno::NOENT) if parents => {
            make_parents(path)?;
            open(path, flags, Mode::empty()).map_err(failed)
        }
        result => result.map_err(failed),
    }
}

fn make_parents(path: &str) -> Result<(), Failure> {
    let ends = path
        .char_indices()
        .skip(1)
        .filter(|(_, character)| *character == '/')
        .map(|(index, _)| index);
    for end in ends.chain([path.len()]) {
        let folder = &path[..end];
        match mkdir(folder, Mode::from_raw_mode(PARENT_MODE)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => {
                let message = format!("cannot make the directory {folder:?}");
                return Err(Failure::system("mkdir", errno, message));
            }
        }
    }
    Ok(())
}

/// Told at the start, not after the whole contents have come. What is there may be
/// replaced when it is a file or a link; a rename would replace a device, too.
fn refuse_others(folder: &OwnedFd, name: &str, path: &str) -> Result<(), Failure> {
    let Ok(stat) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
        return Ok(());
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile | FileType::Symlink => Ok(()),
        FileType::Directory => {
            let message = format!("{path:?} is a directory");
            Err(Failure::system("open", Errno::ISDIR, message))
        }
        _ => {
            let message =
                format!("only files can be written: {path:?} is a device, FIFO or socket");
            Err(Failure::invalid("open", message))
        }
    }
}
