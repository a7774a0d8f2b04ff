//! A stream from a program to the host.

use core::mem::MaybeUninit;

use rustix::event::PollFlags;
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::io::{Errno, ioctl_fionread};
use rustix::pipe::fcntl_setpipe_size;

use crate::clock;
use crate::connection::flow::SendWindow;
use crate::connection::outbox::Outbox;
use crate::protocol::{MAX_DATA, Stream};
use crate::sys::read_now;

/// What a pipe holds unless it is made larger.
const PIPE_SIZE: usize = 64 * 1024;

/// Of a pipe that carries much: fewer turns of the program and of the agent.
const LARGE_PIPE_SIZE: usize = 256 * 1024;

/// The kernel tells of the end of a terminal again and again, and not of its opening.
const LOOK_AGAIN: u64 = 50_000_000;

/// Where one read of a stream goes before it is put into a message.
pub type Scratch = [MaybeUninit<u8>];

/// What has become of a stream.
#[derive(Debug)]
pub enum Progress {
    /// There may be more.
    Open,
    /// It is at its end; the descriptor is of no more use.
    Ended(OwnedFd),
    /// The program is gone and all that it wrote was read, but another process
    /// still holds the other end.
    Left(OwnedFd),
}

/// The reading end.
#[derive(Debug)]
pub struct Output {
    fd: Option<OwnedFd>,
    stream: Stream,
    /// A terminal gives what it holds in parts; a pipe gives all of it at once.
    terminal: bool,
    window: SendWindow,
    pipe_size: usize,
    full_reads: u32,
    /// What may still be read after the program is gone: no more than a pipe
    /// holds can be of its own writing.
    remainder: Option<usize>,
    /// The program has closed its terminal. It may open it again, and to close our
    /// side would hang up on it.
    closed_until: Option<u64>,
}

impl Output {
    /// Takes over a descriptor.
    pub fn new(fd: OwnedFd, stream: Stream, terminal: bool) -> Self {
        let window = SendWindow::new();
        Self {
            fd: Some(fd),
            stream,
            terminal,
            window,
            pipe_size: PIPE_SIZE,
            full_reads: 0,
            remainder: None,
            closed_until: None,
        }
    }

    /// Which stream it is.
    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// The descriptor, until the end.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(|fd| fd.as_fd())
    }

    /// What to wait on, when something can be done with it.
    pub fn interest(&self, outbox: &Outbox) -> Option<BorrowedFd<'_>> {
        if self.window.room() == 0 || outbox.content_room() == 0 || self.closed_until.is_some() {
            None
        } else {
            self.fd()
        }
    }

    /// When a terminal that nobody has open is to be looked at again; that it is not
    /// before then.
    pub fn look_again(&mut self, now: u64) -> Option<u64> {
        self.closed_until.take_if(|until| *until <= now);
        self.closed_until
    }

    /// The host grants more.
    pub fn credit(&mut self, bytes: u32) {
        self.window.credit(bytes);
    }

    /// The program is gone: what is in the pipe is read, and no more is waited for.
    pub fn finish(&mut self) {
        self.remainder = Some(self.pipe_size);
    }

    /// Moves what is there, as far as there is room. `flags` are what poll(2)
    /// said of it.
    pub fn pump(
        &mut self,
        request: u32,
        flags: PollFlags,
        outbox: &mut Outbox,
        scratch: &mut Scratch,
    ) -> Progress {
        // Nobody holds the other end of a pipe any more.
        let hangup = flags.contains(PollFlags::HUP) && !self.terminal;
        if hangup && !flags.contains(PollFlags::IN) {
            return self.end(request, outbox, Progress::Ended);
        }
        loop {
            let Some(fd) = &self.fd else {
                return Progress::Open;
            };
            let room = self
                .window
                .room()
                .min(outbox.content_room())
                .min(MAX_DATA)
                .min(scratch.len());
            if room == 0 {
                return self.blocked(request, outbox);
            }
            match read_now(fd.as_fd(), &mut scratch[..room]) {
                Err(Errno::IO) if self.terminal && self.remainder.is_none() => {
                    self.closed_until = Some(clock::monotonic() + LOOK_AGAIN);
                    return Progress::Open;
                }
                Ok([]) => return self.end(request, outbox, Progress::Ended),
                Ok(bytes) => {
                    let count = bytes.len();
                    outbox.data(request, self.stream, bytes);
                    self.window.sent(count);
                    self.grow(count);
                    if count < room && hangup {
                        return self.end(request, outbox, Progress::Ended);
                    }
                    match &mut self.remainder {
                        Some(remainder) if *remainder <= count => {
                            return self.end(request, outbox, Progress::Left);
                        }
                        Some(remainder) => *remainder -= count,
                        None => return Progress::Open,
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.remainder.is_none() => return Progress::Open,
                Err(Errno::AGAIN) => return self.end(request, outbox, Progress::Left),
                Err(_) => return self.end(request, outbox, Progress::Ended),
            }
        }
    }

    /// There is no room. An empty stream of a program that is gone ends all the
    /// same: the host owes no credit for nothing.
    fn blocked(&mut self, request: u32, outbox: &mut Outbox) -> Progress {
        match (self.remainder, &self.fd) {
            (Some(_), Some(fd)) if ioctl_fionread(fd) == Ok(0) => {
                self.end(request, outbox, Progress::Left)
            }
            _ => Progress::Open,
        }
    }

    fn end(
        &mut self,
        request: u32,
        outbox: &mut Outbox,
        progress: fn(OwnedFd) -> Progress,
    ) -> Progress {
        outbox.eof(request, self.stream);
        self.fd.take().map_or(Progress::Open, progress)
    }

    /// A stream that fills its pipe twice over gets a larger one, where it may.
    fn grow(&mut self, count: usize) {
        if count < MAX_DATA || self.pipe_size != PIPE_SIZE {
            return;
        }
        self.full_reads += 1;
        if self.full_reads == 2
            && let Some(fd) = &self.fd
            && fcntl_setpipe_size(fd, LARGE_PIPE_SIZE).is_ok()
        {
            self.pipe_size = LARGE_PIPE_SIZE;
        }
    }
}
