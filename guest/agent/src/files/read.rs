//! Answering a ReadFile, a part at a time.

use alloc::format;
use alloc::string::String;

use rustix::fd::OwnedFd;
use rustix::fs::{SeekFrom, seek};
use rustix::io::{Errno, read};

use super::path::absolute;
use super::whole::open_regular;
use crate::connection::flow::SendWindow;
use crate::connection::outbox::Outbox;
use crate::exec::output::Scratch;
use crate::failure::Failure;
use crate::protocol::{Done, MAX_DATA, ReadFile, Stream, from_agent::Body};

/// A file that is being read.
#[derive(Debug)]
pub struct Reading {
    file: OwnedFd,
    path: String,
    window: SendWindow,
    left: u64,
    sent: u64,
}

impl Reading {
    /// Opens the file.
    pub fn open(request: &ReadFile) -> Result<Self, Failure> {
        let path = absolute(&request.path)?;
        let (file, _) = open_regular(path)?;
        if request.offset > 0 {
            seek(&file, SeekFrom::Start(request.offset)).map_err(|errno| {
                Failure::system(
                    "seek",
                    errno,
                    format!("cannot go to {} in {path:?}", request.offset),
                )
            })?;
        }
        let left = if request.length == 0 {
            u64::MAX
        } else {
            request.length
        };
        Ok(Self {
            file,
            path: path.into(),
            window: SendWindow::new(),
            left,
            sent: 0,
        })
    }

    /// The host grants more.
    pub fn credit(&mut self, bytes: u32) {
        self.window.credit(bytes);
    }

    /// Whether `step` can do something.
    pub fn is_ready(&self, outbox: &Outbox) -> bool {
        self.window.room() > 0 && outbox.content_room() > 0
    }

    /// Sends one part; answers the terminal message at the end.
    pub fn step(
        &mut self,
        request: u32,
        outbox: &mut Outbox,
        scratch: &mut Scratch,
    ) -> Option<Body> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let room = self
            .window
            .room()
            .min(outbox.content_room())
            .min(MAX_DATA)
            .min(scratch.len());
        if left == 0 {
            return Some(self.end(request, outbox));
        }
        if room == 0 {
            return None;
        }
        match read(&self.file, &mut scratch[..room.min(left)]) {
            Ok(([], _)) => Some(self.end(request, outbox)),
            Ok((bytes, _)) => {
                outbox.data(request, Stream::File, bytes);
                self.window.sent(bytes.len());
                self.left -= bytes.len() as u64;
                self.sent += bytes.len() as u64;
                (self.left == 0).then(|| self.end(request, outbox))
            }
            Err(Errno::INTR) => None,
            Err(errno) => Some(
                Failure::system("read", errno, format!("cannot read {:?}", self.path)).into_body(),
            ),
        }
    }

    fn end(&self, request: u32, outbox: &mut Outbox) -> Body {
        outbox.eof(request, Stream::File);
        Body::Done(Done { bytes: self.sent })
    }
}
