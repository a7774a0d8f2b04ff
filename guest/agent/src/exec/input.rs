//! Standard input, from the host to a program.

use alloc::collections::VecDeque;

use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::io::{Errno, write};
use rustix::termios::{LocalModes, SpecialCodeIndex, tcgetattr};

use crate::connection::flow::ReceiveWindow;
use crate::connection::outbox::Outbox;
use crate::connection::violation::Violation;
use crate::protocol::Stream;

/// The writing end, and what the program has not taken yet: at most what was granted.
#[derive(Debug)]
pub struct Input {
    fd: Option<OwnedFd>,
    queue: VecDeque<u8>,
    window: ReceiveWindow,
    ending: bool,
    terminal: bool,
    line_open: bool,
}

impl Input {
    /// Takes over a descriptor that does not block.
    pub fn new(fd: OwnedFd, terminal: bool) -> Self {
        let (queue, window) = (VecDeque::new(), ReceiveWindow::new());
        Self {
            fd: Some(fd),
            queue,
            window,
            ending: false,
            terminal,
            line_open: false,
        }
    }

    /// What to wait on, when there is something to write.
    pub fn interest(&self) -> Option<BorrowedFd<'_>> {
        if self.queue.is_empty() {
            None
        } else {
            self.fd.as_ref().map(|fd| fd.as_fd())
        }
    }

    /// Takes bytes of the host in and writes what the program takes.
    pub fn receive(
        &mut self,
        request: u32,
        bytes: &[u8],
        outbox: &mut Outbox,
    ) -> Result<(), Violation> {
        if self.ending {
            return Err(Violation::AfterEnd(request));
        }
        self.window.receive(bytes.len()).map_err(|granted| {
            let stream = Stream::Stdin;
            Violation::BeyondGrant {
                request,
                stream,
                bytes: bytes.len(),
                granted,
            }
        })?;
        if self.fd.is_some() {
            self.queue.extend(bytes);
            self.pump(request, outbox);
        }
        Ok(())
    }

    /// The host ends the stream.
    pub fn end(&mut self, request: u32) -> Result<(), Violation> {
        if self.ending {
            return Err(Violation::AfterEnd(request));
        }
        self.ending = true;
        self.close_when_written();
        Ok(())
    }

    /// Writes what the program takes.
    pub fn pump(&mut self, request: u32, outbox: &mut Outbox) {
        let mut written = 0;
        while let Some(fd) = &self.fd
            && !self.queue.is_empty()
        {
            match write(fd, self.queue.as_slices().0) {
                Ok(count) => {
                    self.line_open = self.queue.get(count.wrapping_sub(1)) != Some(&b'\n');
                    self.queue.drain(..count);
                    written += count;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // Nobody reads it any more. No more is granted then: the host
                // is to hold back what would go nowhere.
                Err(_) => {
                    self.queue = VecDeque::new();
                    self.fd = None;
                }
            }
        }
        if written > 0 {
            let credit = self.window.consume(written);
            if !self.ending {
                outbox.credit(request, Stream::Stdin, credit);
            }
        }
        self.close_when_written();
    }

    fn close_when_written(&mut self) {
        if self.ending
            && self.queue.is_empty()
            && let Some(fd) = self.fd.take()
            && self.terminal
        {
            self.type_end_of_file(&fd);
        }
    }

    /// A terminal has no end of its own: in line mode the character for it is typed,
    /// twice where a line is open, since the first only completes that.
    fn type_end_of_file(&self, fd: &OwnedFd) {
        let Ok(settings) = tcgetattr(fd) else { return };
        if !settings.local_modes.contains(LocalModes::ICANON) {
            return;
        }
        let character = settings.special_codes[SpecialCodeIndex::VEOF];
        let keys = [character; 2];
        let _ = write(fd, if self.line_open { &keys } else { &keys[..1] });
    }
}
