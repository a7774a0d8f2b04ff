//! Waiting for the next thing to happen.
//!
//! poll(2) over everything of interest, made up anew each time: with the few
//! descriptors of an agent that is fewer system calls than keeping an epoll set.

use alloc::vec::Vec;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::BorrowedFd;

use crate::clock::timespec;
use crate::exec::sinks::Sinks;
use crate::protocol::Stream;
use crate::reaper::Reaper;
use crate::request::Request;
use crate::session::Session;
use crate::state::State;

/// Where something happened.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// A child has ended.
    Children,
    /// The connection to the host.
    Connection,
    /// A stream of a program.
    Output(u32, Stream),
    /// The standard input of a program.
    Input(u32),
    /// The output of a program that has ended.
    Sink(usize),
}

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    /// Where.
    pub source: Source,
    /// What.
    pub flags: PollFlags,
}

/// Waits for something to happen, for at most `timeout` nanoseconds.
pub fn wait(reaper: &Reaper, state: &State, sinks: &Sinks, timeout: Option<u64>) -> Vec<Ready> {
    let mut interests = Interests::default();
    let mut timeout = timeout;
    interests.add(Source::Children, reaper.interest(), PollFlags::IN);
    if let State::Connected(session) = state {
        interests.session(session);
        if session.has_work() || (session.stalled && session.outbox.takes_answers()) {
            timeout = Some(0);
        }
    }
    for (index, fd) in sinks.interest().enumerate() {
        interests.add(Source::Sink(index), fd, PollFlags::IN);
    }
    interests.wait(timeout)
}

#[derive(Default)]
struct Interests<'a> {
    sources: Vec<Source>,
    fds: Vec<PollFd<'a>>,
}

impl<'a> Interests<'a> {
    fn add(&mut self, source: Source, fd: BorrowedFd<'a>, flags: PollFlags) {
        self.sources.push(source);
        self.fds.push(PollFd::from_borrowed_fd(fd, flags));
    }

    fn session(&mut self, session: &'a Session) {
        let mut flags = PollFlags::empty();
        flags.set(
            PollFlags::IN,
            !session.stalled && session.outbox.takes_answers(),
        );
        flags.set(PollFlags::OUT, !session.outbox.is_empty());
        self.add(Source::Connection, session.socket(), flags);
        for (id, request) in &session.requests {
            let Request::Exec(running) = request else {
                continue;
            };
            for output in running.outputs.iter().flatten() {
                if let Some(fd) = output.interest(&session.outbox) {
                    self.add(Source::Output(*id, output.stream()), fd, PollFlags::IN);
                }
            }
            if let Some(fd) = running.input.as_ref().and_then(|input| input.interest()) {
                self.add(Source::Input(*id), fd, PollFlags::OUT);
            }
        }
    }

    fn wait(mut self, timeout: Option<u64>) -> Vec<Ready> {
        // An error is an interruption: nothing is ready then.
        if poll(&mut self.fds, timeout.map(timespec).as_ref()).is_err() {
            return Vec::new();
        }
        let flags = self.fds.iter().map(PollFd::revents);
        let all = self.sources.iter().zip(flags).map(|(source, flags)| Ready {
            source: *source,
            flags,
        });
        all.filter(|ready| !ready.flags.is_empty()).collect()
    }
}
