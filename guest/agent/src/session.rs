//! One connection: its requests and what its messages do to them.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use rustix::event::PollFlags;
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::io;
use rustix::process::{Pid, WaitStatus};

use crate::connection::inbox::Inbox;
use crate::connection::outbox::Outbox;
use crate::connection::violation::Violation;
use crate::exec::cgroup::Cgroups;
use crate::exec::output::Scratch;
use crate::exec::running::{Running, Surroundings};
use crate::exec::sinks::Sinks;
use crate::protocol::{Started, Stream, from_agent, to_agent};
use crate::request::{Opened, Request};

/// Requests open at once; more are answered with LIMIT. Each may hold up to 256
/// KiB that its program does not read.
pub const MAX_REQUESTS: usize = 256;

/// What all connections share.
#[derive(Debug)]
pub struct Shared {
    /// Standard input of programs without one.
    pub null: OwnedFd,
    /// Groups to start programs in.
    pub cgroups: Cgroups,
    /// Outputs that outlive their programs.
    pub sinks: Sinks,
    /// Descriptors to close when there is nothing better to do.
    pub discarded: Vec<OwnedFd>,
    /// Where bytes are read to.
    pub scratch: Box<Scratch>,
}

/// A connection to the host.
#[derive(Debug)]
pub struct Session {
    /// The connection.
    pub socket: OwnedFd,
    /// What came and was not handled yet.
    pub inbox: Inbox,
    /// What was not sent yet.
    pub outbox: Outbox,
    /// The open requests.
    pub requests: BTreeMap<u32, Request>,
    /// Whether whole messages wait in the inbox for room in the outbox.
    pub stalled: bool,
    /// Whether the host asked for the end of the machine.
    pub poweroff: bool,
}

impl Session {
    /// Begins on a connected socket.
    pub fn new(socket: OwnedFd) -> Self {
        let (inbox, outbox) = (Inbox::new(), Outbox::new());
        Self {
            socket,
            inbox,
            outbox,
            requests: BTreeMap::new(),
            stalled: false,
            poweroff: false,
        }
    }

    /// Sends what the socket takes.
    pub fn flush(&mut self) -> io::Result<()> {
        self.outbox.flush(self.socket.as_fd())
    }

    /// Its socket.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Handles the messages that have come, as far as there is room for their answers.
    pub fn handle(&mut self, shared: &mut Shared) -> Result<(), Violation> {
        self.stalled = false;
        while !self.poweroff {
            if !self.outbox.takes_answers() {
                self.stalled = true;
                break;
            }
            let Some(message) = self.inbox.take()? else {
                break;
            };
            let request = message.request;
            let body = message.body.ok_or(Violation::UnknownBody(request))?;
            if request == 0 {
                return Err(Violation::RequestZero);
            }
            self.dispatch(request, body, shared)?;
        }
        Ok(())
    }

    /// Does what is due for programs; answers when something is due next.
    pub fn expire(&mut self, now: u64) -> Option<u64> {
        let mut next: Option<u64> = None;
        for running in self.requests.values_mut().filter_map(Request::running) {
            next = next.into_iter().chain(running.expire(now)).min();
        }
        next
    }

    /// A child was reaped; whether it was the program of a request.
    pub fn reaped(&mut self, pid: Pid, status: WaitStatus, shared: &mut Shared) {
        let id = self.requests.iter_mut().find_map(|(id, request)| {
            request
                .running()
                .is_some_and(|running| running.pid == pid)
                .then_some(*id)
        });
        if let Some(id) = id {
            self.running(id, shared, |running, around| {
                running.reaped(id, status, around);
            });
        }
    }

    /// A stream of a program can be read.
    pub fn readable(&mut self, id: u32, stream: Stream, flags: PollFlags, shared: &mut Shared) {
        self.running(id, shared, |running, around| {
            running.pump(id, stream, flags, around);
        });
    }

    /// A program takes more input.
    pub fn writable(&mut self, id: u32) {
        if let Some(running) = self.requests.get_mut(&id).and_then(Request::running)
            && let Some(input) = &mut running.input
        {
            input.pump(id, &mut self.outbox);
        }
    }

    /// Whether file requests could go on without waiting for anything.
    pub fn has_work(&self) -> bool {
        self.requests
            .values()
            .any(|request| request.is_ready(&self.outbox))
    }

    /// Lets each file request that can go on do one part of its work.
    pub fn work(&mut self, shared: &mut Shared) {
        let Self {
            requests, outbox, ..
        } = self;
        requests.retain(
            |id, request| match request.step(*id, outbox, &mut shared.scratch) {
                None => true,
                Some(body) => {
                    outbox.message(*id, body);
                    false
                }
            },
        );
    }

    /// Kills every program and drops every request.
    pub fn end(self, shared: &mut Shared) {
        for request in self.requests.into_values() {
            if let Request::Exec(mut running) = request {
                running.kill();
                if let Some(cgroup) = running.cgroup.take() {
                    shared.cgroups.give_back(cgroup);
                }
            }
        }
    }

    fn dispatch(
        &mut self,
        id: u32,
        body: to_agent::Body,
        shared: &mut Shared,
    ) -> Result<(), Violation> {
        use to_agent::Body as To;
        match body {
            To::Signal(_)
            | To::Resize(_)
            | To::Data(_)
            | To::Eof(_)
            | To::Credit(_)
            | To::Cancel(_) => {
                return self.concern(id, body, shared);
            }
            _ if self.requests.contains_key(&id) => return Err(Violation::InUse(id)),
            To::Ping(_) => self
                .outbox
                .message(id, from_agent::Body::Done(Default::default())),
            To::Poweroff(_) => {
                self.outbox
                    .message(id, from_agent::Body::Done(Default::default()));
                self.poweroff = true;
            }
            opening => {
                let opened = Request::open(id, opening, self.requests.len() < MAX_REQUESTS, shared);
                match opened {
                    Opened::Answered(body) => self.outbox.message(id, body),
                    Opened::Pending(request) => {
                        if let Request::Exec(running) = &request {
                            let pid = running.pid.as_raw_nonzero().get().unsigned_abs();
                            self.outbox
                                .message(id, from_agent::Body::Started(Started { pid }));
                        }
                        self.requests.insert(id, request);
                    }
                }
            }
        }
        Ok(())
    }

    /// A message about an open request. One about a request that was answered
    /// already crossed the answer on the way: it is dropped.
    fn concern(
        &mut self,
        id: u32,
        body: to_agent::Body,
        shared: &mut Shared,
    ) -> Result<(), Violation> {
        let Some(request) = self.requests.get_mut(&id) else {
            return Ok(());
        };
        let answer = request.concern(id, body, &mut self.outbox)?;
        match answer {
            Some(body) => {
                self.requests.remove(&id);
                self.outbox.message(id, body);
            }
            None => self.settle(id, shared),
        }
        Ok(())
    }

    fn running(
        &mut self,
        id: u32,
        shared: &mut Shared,
        act: impl FnOnce(&mut Running, &mut Surroundings<'_>),
    ) {
        if let Some(running) = self.requests.get_mut(&id).and_then(Request::running) {
            let mut around = Surroundings {
                outbox: &mut self.outbox,
                scratch: &mut shared.scratch,
                discarded: &mut shared.discarded,
                sinks: &mut shared.sinks,
            };
            act(running, &mut around);
            self.settle(id, shared);
        }
    }

    /// Answers an Exec that has come to its end.
    fn settle(&mut self, id: u32, shared: &mut Shared) {
        let Some(running) = self.requests.get_mut(&id).and_then(Request::running) else {
            return;
        };
        if let Some(body) = running.answer() {
            if let Some(cgroup) = running.cgroup.take() {
                shared.cgroups.give_back(cgroup);
            }
            self.requests.remove(&id);
            self.outbox.message(id, body);
        }
    }
}
