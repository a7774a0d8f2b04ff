//! A request of the host, whatever its kind.

use alloc::boxed::Box;
use alloc::format;

use rustix::fd::AsFd as _;

use crate::connection::outbox::Outbox;
use crate::connection::violation::Violation;
use crate::exec::output::Scratch;
use crate::exec::running::Running;
use crate::exec::start::start;
use crate::failure::Failure;
use crate::files::info::stat;
use crate::files::list::Listing;
use crate::files::read::Reading;
use crate::files::remove::{Removal, Removed};
use crate::files::write::Writing;
use crate::protocol::{Done, MAX_DATA, Stream, from_agent::Body, to_agent};
use crate::session::{MAX_REQUESTS, Shared};

/// An open request.
#[derive(Debug)]
pub enum Request {
    /// A program.
    Exec(Box<Running>),
    /// A file that is being written.
    Write(Box<Writing>),
    /// A file that is being read.
    Read(Box<Reading>),
    /// A directory that is being listed.
    List(Listing),
    /// A tree that is being removed.
    Remove(Box<Removal>),
}

/// What came of opening a request.
#[derive(Debug)]
pub enum Opened {
    /// It goes on.
    Pending(Request),
    /// It is over: the terminal message.
    Answered(Body),
}

impl Request {
    /// Begins with a request; `room` says whether one more may be open.
    pub fn open(id: u32, body: to_agent::Body, room: bool, shared: &mut Shared) -> Opened {
        let opened = if room {
            Self::begin(id, body, shared)
        } else {
            Err(too_many())
        };
        opened.unwrap_or_else(|failure| Opened::Answered(failure.into_body()))
    }

    /// The program, if it is one.
    pub fn running(&mut self) -> Option<&mut Running> {
        match self {
            Self::Exec(running) => Some(running),
            _ => None,
        }
    }

    /// Whether `step` can do something.
    pub fn is_ready(&self, outbox: &Outbox) -> bool {
        match self {
            Self::Exec(_) | Self::Write(_) => false,
            Self::Read(reading) => reading.is_ready(outbox),
            Self::List(_) => outbox.content_room() > 0,
            Self::Remove(_) => outbox.takes_answers(),
        }
    }

    /// Does a part of the work; answers the terminal message at the end.
    pub fn step(&mut self, id: u32, outbox: &mut Outbox, scratch: &mut Scratch) -> Option<Body> {
        if !self.is_ready(outbox) {
            return None;
        }
        match self {
            Self::Exec(_) | Self::Write(_) => None,
            Self::Read(reading) => reading.step(id, outbox, scratch),
            Self::Remove(removal) => removal.step(),
            Self::List(listing) => match listing.part() {
                Ok(Some(entries)) => {
                    outbox.message(id, Body::Entries(entries));
                    None
                }
                Ok(None) => Some(Body::Done(Done::default())),
                Err(failure) => Some(failure.into_body()),
            },
        }
    }

    /// A message about it; answers the terminal message if this ends it.
    pub fn concern(
        &mut self,
        id: u32,
        body: to_agent::Body,
        outbox: &mut Outbox,
    ) -> Result<Option<Body>, Violation> {
        match body {
            to_agent::Body::Data(data) if data.bytes.len() > MAX_DATA => {
                Err(Violation::DataTooLong {
                    request: id,
                    bytes: data.bytes.len(),
                })
            }
            to_agent::Body::Data(data) => self.data(id, stream(data.stream), &data.bytes, outbox),
            to_agent::Body::Eof(eof) => self.eof(id, stream(eof.stream)),
            to_agent::Body::Credit(credit) => self.credit(id, stream(credit.stream), credit.bytes),
            to_agent::Body::Cancel(_) => Ok(self.cancel()),
            to_agent::Body::Signal(signal) => self.exec(id, "Signal").map(|running| {
                running.signal(signal.number);
                None
            }),
            to_agent::Body::Resize(resize) => self.exec(id, "Resize").map(|running| {
                running.resize(&resize.size.unwrap_or_default());
                None
            }),
            _ => Err(Violation::InUse(id)),
        }
    }

    fn begin(id: u32, body: to_agent::Body, shared: &mut Shared) -> Result<Opened, Failure> {
        Ok(match body {
            to_agent::Body::Exec(exec) => {
                let running = start(&exec, shared.null.as_fd(), &mut shared.cgroups)?;
                Opened::Pending(Self::Exec(Box::new(running)))
            }
            to_agent::Body::WriteFile(request) => {
                Opened::Pending(Self::Write(Box::new(Writing::open(id, request)?)))
            }
            to_agent::Body::ReadFile(request) => {
                Opened::Pending(Self::Read(Box::new(Reading::open(&request)?)))
            }
            to_agent::Body::Stat(request) => Opened::Answered(Body::Info(stat(&request)?)),
            to_agent::Body::List(request) => Opened::Pending(Self::List(Listing::open(&request)?)),
            to_agent::Body::Remove(request) => match Removal::start(&request)? {
                Removed::Done => Opened::Answered(Body::Done(Done::default())),
                Removed::Tree(removal) => Opened::Pending(Self::Remove(Box::new(removal))),
            },
            _ => {
                return Err(Failure::invalid(
                    "request",
                    format!("request {id} opens nothing"),
                ));
            }
        })
    }

    fn data(
        &mut self,
        id: u32,
        stream: Stream,
        bytes: &[u8],
        outbox: &mut Outbox,
    ) -> Result<Option<Body>, Violation> {
        match (self, stream) {
            (Self::Exec(running), Stream::Stdin) if running.takes_input => {
                // None when the program is gone or was given up: this crossed its end.
                if let Some(input) = &mut running.input {
                    input.receive(id, bytes, outbox)?;
                }
                Ok(None)
            }
            (Self::Write(writing), Stream::File) => Ok(writing
                .receive(id, bytes, outbox)?
                .err()
                .map(Failure::into_body)),
            _ => Err(Violation::BeyondGrant {
                request: id,
                stream,
                bytes: bytes.len(),
                granted: 0,
            }),
        }
    }

    fn eof(&mut self, id: u32, stream: Stream) -> Result<Option<Body>, Violation> {
        match (self, stream) {
            (Self::Exec(running), Stream::Stdin) if running.takes_input => {
                if let Some(input) = &mut running.input {
                    input.end(id)?;
                }
                Ok(None)
            }
            (Self::Write(writing), Stream::File) => Ok(Some(match writing.finish() {
                Ok(done) => Body::Done(done),
                Err(failure) => failure.into_body(),
            })),
            _ => Err(Violation::Unsuitable {
                request: id,
                message: "Eof",
            }),
        }
    }

    fn credit(&mut self, id: u32, stream: Stream, bytes: u32) -> Result<Option<Body>, Violation> {
        match (self, stream) {
            (Self::Exec(running), Stream::Stdout | Stream::Stderr) => {
                if let Some(output) = running.output(stream) {
                    output.credit(bytes);
                }
            }
            (Self::Read(reading), Stream::File) => reading.credit(bytes),
            _ => {
                return Err(Violation::Unsuitable {
                    request: id,
                    message: "Credit",
                });
            }
        }
        Ok(None)
    }

    /// A program is answered when it is gone, all else at once.
    fn cancel(&mut self) -> Option<Body> {
        match self {
            Self::Exec(running) => {
                running.cancel();
                None
            }
            Self::Write(_) => Some(Failure::cancelled("write").into_body()),
            Self::Read(_) => Some(Failure::cancelled("read").into_body()),
            Self::List(_) => Some(Failure::cancelled("list").into_body()),
            Self::Remove(_) => Some(Failure::cancelled("remove").into_body()),
        }
    }

    fn exec(&mut self, id: u32, message: &'static str) -> Result<&mut Running, Violation> {
        self.running().ok_or(Violation::Unsuitable {
            request: id,
            message,
        })
    }
}

fn too_many() -> Failure {
    Failure::limit(
        "request",
        format!("{MAX_REQUESTS} requests are open already"),
    )
}

/// A number without a name is a stream that no request has.
fn stream(number: i32) -> Stream {
    Stream::try_from(number).unwrap_or(Stream::Unspecified)
}
