//! A program that runs, or whose output is still on its way.

use alloc::vec::Vec;

use rustix::event::PollFlags;
use rustix::fd::OwnedFd;
use rustix::process::{Pid, WaitStatus};
use rustix::termios::tcsetwinsize;

use super::cgroup::Cgroup;
use super::input::Input;
use super::output::{Output, Progress, Scratch};
use super::sinks::Sinks;
use super::stdio::winsize;
use crate::clock;
use crate::connection::outbox::Outbox;
use crate::protocol::{Exited, Stream, WindowSize, from_agent::Body};
use crate::sys::{self, Target};

const SIGKILL: u32 = 9;

/// What a request shares with the rest of the agent.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Where its messages go.
    pub outbox: &'a mut Outbox,
    /// Where bytes are read to.
    pub scratch: &'a mut Scratch,
    /// Descriptors to close when there is nothing better to do.
    pub discarded: &'a mut Vec<OwnedFd>,
    /// Outputs that outlive their programs.
    pub sinks: &'a mut Sinks,
}

/// An Exec from execve to its terminal message.
#[derive(Debug)]
pub struct Running {
    /// The program's process, session and process group.
    pub pid: Pid,
    /// Whether standard input is a stream.
    pub takes_input: bool,
    /// That stream, until the program is gone.
    pub input: Option<Input>,
    /// Standard output and error.
    pub outputs: [Option<Output>; 2],
    /// When the process group is to be killed, CLOCK_MONOTONIC.
    pub deadline: Option<u64>,
    /// What the program's processes are in.
    pub cgroup: Option<Cgroup>,
    pub(super) started: u64,
    pub(super) terminal: bool,
    pub(super) timed_out: bool,
    pub(super) ended: Option<Ended>,
}

/// How the program ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    status: WaitStatus,
    wall_ns: u64,
}

impl Running {
    /// Sends a signal to the process group.
    pub fn signal(&self, number: u32) {
        // After the program was reaped its number may be that of another group.
        if self.ended.is_none() {
            let _ = sys::kill(Target::Group(self.pid), number);
        }
    }

    /// Kills the process group and what else is in the control group.
    pub fn kill(&mut self) {
        self.signal(SIGKILL);
        if let Some(cgroup) = &mut self.cgroup {
            let _ = cgroup.kill();
        }
    }

    /// Does what is due; answers when something is due next.
    pub fn expire(&mut self, now: u64) -> Option<u64> {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            self.timed_out = true;
            self.kill();
        }
        let outputs = self.outputs.iter_mut().flatten();
        let looks = outputs.filter_map(|output| output.look_again(now));
        looks.chain(self.deadline).min()
    }

    /// Gives the program up: kills it and drops its streams.
    pub fn cancel(&mut self) {
        self.kill();
        self.input = None;
        self.outputs = [None, None];
    }

    /// Changes the size of the terminal, where there is one.
    pub fn resize(&self, size: &WindowSize) {
        if self.terminal
            && let [Some(output), _] = &self.outputs
            && let Some(fd) = output.fd()
        {
            let _ = tcsetwinsize(fd, winsize(size));
        }
    }

    /// The output of this name, while it lasts.
    pub fn output(&mut self, stream: Stream) -> Option<&mut Output> {
        self.outputs
            .iter_mut()
            .flatten()
            .find(|output| output.stream() == stream)
    }

    /// Moves output to the host.
    pub fn pump(
        &mut self,
        request: u32,
        stream: Stream,
        flags: PollFlags,
        around: &mut Surroundings<'_>,
    ) {
        let Some(output) = self.output(stream) else {
            return;
        };
        match output.pump(request, flags, around.outbox, around.scratch) {
            Progress::Open => return,
            Progress::Ended(fd) => around.discarded.push(fd),
            Progress::Left(fd) => around.sinks.add(fd),
        }
        for output in &mut self.outputs {
            output.take_if(|output| output.stream() == stream);
        }
    }

    /// The program was reaped: what it wrote is read out.
    pub fn reaped(&mut self, request: u32, status: WaitStatus, around: &mut Surroundings<'_>) {
        let wall_ns = clock::monotonic().saturating_sub(self.started);
        self.ended = Some(Ended { status, wall_ns });
        self.deadline = None;
        self.input = None;
        for stream in [Stream::Stdout, Stream::Stderr] {
            if let Some(output) = self.output(stream) {
                output.finish();
                self.pump(request, stream, PollFlags::IN, around);
            }
        }
    }

    /// The terminal message, once the program and its output have ended.
    pub fn answer(&self) -> Option<Body> {
        let Ended { status, wall_ns } = self.ended?;
        if self.outputs.iter().any(Option::is_some) {
            return None;
        }
        Some(Body::Exited(Exited {
            code: status.exit_status().map(i32::unsigned_abs),
            signal: status.terminating_signal().map(i32::unsigned_abs),
            timed_out: self.timed_out,
            wall_ns,
        }))
    }
}
