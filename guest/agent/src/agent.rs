//! The loop of the agent: one thread that waits for whatever happens next.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustix::event::{PollFlags, poll};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::io::{self, Errno};

use crate::clock::{self, timespec};
use crate::connection::link::Host;
use crate::exec::cgroup::Cgroups;
use crate::exec::sinks::Sinks;
use crate::protocol::{Hello, MAX_DATA, VERSION, from_agent::Body};
use crate::reaper::{Children, Reaper};
use crate::role::Role;
use crate::session::{Session, Shared};
use crate::state::{Ended, State};
use crate::wait::{Ready, Source, wait};

/// Between attempts to reach the host: doubled up to the second of these.
const RETRY: [u64; 2] = [10_000_000, 1_000_000_000];

/// How long the host may take to listen after its guest has booted.
const FIRST_CONNECTION: u64 = 10_000_000_000;

/// How long a new connection waits for the processes of the last one to be gone.
const CLEARING: u64 = 1_000_000_000;

/// The agent.
#[derive(Debug)]
pub struct Agent {
    host: Host,
    role: Role,
    reaper: Reaper,
    shared: Shared,
    state: State,
    hello: Hello,
}

impl Agent {
    /// An agent that has not reached its host yet; `started` is when it began, CLOCK_BOOTTIME.
    pub fn new(
        host: Host,
        role: Role,
        cgroups: Cgroups,
        null: OwnedFd,
        started: u64,
    ) -> io::Result<Self> {
        let shared = Shared {
            null,
            cgroups,
            sinks: Sinks::default(),
            discarded: Vec::new(),
            scratch: Box::new_uninit_slice(MAX_DATA),
        };
        let hello = Hello {
            protocol: VERSION,
            agent_version: String::from(env!("CARGO_PKG_VERSION")),
            kernel: rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
            started_ns: started,
            ready_ns: 0,
        };
        let state = State::Waiting {
            until: 0,
            pause: RETRY[0],
        };
        Ok(Self {
            host,
            role,
            reaper: Reaper::new()?,
            shared,
            state,
            hello,
        })
    }

    /// Connects and says Hello.
    pub fn connect(&mut self) -> io::Result<()> {
        let mut session = Session::new(self.host.connect()?);
        self.hello.ready_ns = clock::boottime();
        session.outbox.message(0, Body::Hello(self.hello.clone()));
        session.flush()?;
        self.state = State::Connected(Box::new(session));
        Ok(())
    }

    /// Connects for the first time: the host is told to be there before its guest starts.
    pub fn reach_host(&mut self) -> io::Result<()> {
        let end = clock::monotonic() + FIRST_CONNECTION;
        let mut pause = RETRY[0];
        loop {
            match self.connect() {
                Err(Errno::CONNREFUSED | Errno::CONNRESET | Errno::TIMEDOUT | Errno::INTR)
                    if clock::monotonic() < end => {}
                result => return result,
            }
            let _ = poll(&mut [], Some(&timespec(pause)));
            pause = (pause * 2).min(RETRY[1]);
        }
    }

    /// Serves the host, over one connection after another, until it asks for the end of the machine.
    pub fn serve(mut self) {
        self.shared.cgroups.prepare();
        loop {
            self.turn();
            if let State::Connected(session) = &mut self.state
                && session.poweroff
            {
                self.role.power_off(session, &self.reaper);
                return self.end_session();
            }
        }
    }

    /// Waits and handles what happened.
    fn turn(&mut self) {
        let now = clock::monotonic();
        let until = match &mut self.state {
            State::Connected(session) => session.expire(now),
            State::Clearing { until } | State::Waiting { until, .. } if *until > now => {
                Some(*until)
            }
            State::Clearing { .. } => return self.reconnect(now, RETRY[0]),
            State::Waiting { pause, .. } => {
                let pause = *pause;
                return self.reconnect(now, pause);
            }
        };
        let ready = wait(
            &self.reaper,
            &self.state,
            &self.shared.sinks,
            until.map(|until| until - now.min(until)),
        );
        let result = self.handle(&ready);
        self.shared.discarded.clear();
        self.shared.cgroups.tidy();
        if let Err(ended) = result {
            self.disconnect(&ended);
        }
    }

    fn reconnect(&mut self, now: u64, pause: u64) {
        if self.connect().is_err() {
            self.state = State::Waiting {
                until: now + pause,
                pause: (pause * 2).min(RETRY[1]),
            };
        }
    }

    fn handle(&mut self, ready: &[Ready]) -> Result<(), Ended> {
        self.drop_leftovers(ready);
        self.move_streams(ready);
        if ready
            .iter()
            .any(|ready| matches!(ready.source, Source::Children))
        {
            self.reap();
        }
        let Self {
            state: State::Connected(session),
            shared,
            ..
        } = self
        else {
            return Ok(());
        };
        let connection = ready
            .iter()
            .find(|ready| matches!(ready.source, Source::Connection));
        if connection.is_some_and(|ready| !ready.flags.difference(PollFlags::OUT).is_empty()) {
            receive(session)?;
        }
        session.handle(shared)?;
        session.work(shared);
        session.flush().map_err(Ended::Broken)
    }

    fn move_streams(&mut self, ready: &[Ready]) {
        let Self {
            state: State::Connected(session),
            shared,
            ..
        } = self
        else {
            return;
        };
        for Ready { source, flags } in ready {
            match source {
                Source::Output(id, stream) => {
                    session.readable(*id, *stream, *flags, shared);
                }
                Source::Input(id) => session.writable(*id),
                Source::Connection | Source::Children | Source::Sink(_) => {}
            }
        }
    }

    fn reap(&mut self) {
        let Self {
            state,
            shared,
            reaper,
            ..
        } = self;
        let children = reaper.reap(|pid, status| {
            if let State::Connected(session) = state {
                session.reaped(pid, status, shared);
                // An answer does not wait for the look for more children. If this
                // fails, so does the one at the end of the turn.
                let _ = session.flush();
            }
        });
        if children == Children::None && matches!(state, State::Clearing { .. }) {
            *state = State::Waiting {
                until: 0,
                pause: RETRY[0],
            };
        }
    }

    fn drop_leftovers(&mut self, ready: &[Ready]) {
        let sinks: Vec<usize> = ready
            .iter()
            .filter_map(|ready| match ready.source {
                Source::Sink(index) => Some(index),
                _ => None,
            })
            .collect();
        if !sinks.is_empty() {
            self.shared
                .sinks
                .drop_contents(&sinks, &mut self.shared.scratch);
        }
    }

    /// The connection is over: so is everything that was done for it.
    fn disconnect(&mut self, ended: &Ended) {
        if let Ended::Violated(violation) = ended {
            self.role.report(&format!("connection: {violation}"));
        }
        self.end_session();
        self.role.kill_everything();
        self.shared.sinks.clear();
        self.reap();
    }

    /// Kills the programs of the connection.
    fn end_session(&mut self) {
        let until = clock::monotonic() + CLEARING;
        let clearing = State::Clearing { until };
        if let State::Connected(session) = core::mem::replace(&mut self.state, clearing) {
            session.end(&mut self.shared);
        }
    }
}

fn receive(session: &mut Session) -> Result<(), Ended> {
    if session.stalled || !session.outbox.takes_answers() {
        return Ok(());
    }
    let Session { inbox, socket, .. } = session;
    match inbox.receive(socket.as_fd()) {
        Ok(0) => Err(Ended::Closed),
        Ok(_) | Err(Errno::AGAIN) => Ok(()),
        Err(errno) => Err(Ended::Broken(errno)),
    }
}
