//! What the vCPU threads of a machine are told, and where they are.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use super::kick::{Kick, VcpuSlot};
use crate::error::MachineError;
use crate::events::{ExitCause, ExitKind, lock};

/// Longest time that a vCPU takes from its kick to rest: one exit's device
/// work, which is bounded, on a host that is busy.
const REST_TIMEOUT: Duration = Duration::from_secs(10);

/// What a vCPU thread is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Enter the guest.
    Run,
    /// End the thread.
    Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Created or paused: threads are parked.
    Park,
    Run,
    Stop,
}

#[derive(Debug)]
struct State {
    order: Order,
    started: bool,
    /// Threads in or on their way into the guest.
    running: u32,
    /// Threads that have not ended.
    alive: u32,
    /// Why the machine ends; the first cause counts.
    cause: Option<ExitCause>,
}

/// Shared by the vCPU threads and the machine.
#[derive(Debug)]
pub(crate) struct Control {
    state: Mutex<State>,
    changed: Condvar,
    slots: Vec<VcpuSlot>,
}

impl Control {
    /// For `vcpus` threads that are about to be started, parked.
    pub fn new(vcpus: u8) -> Self {
        let alive = u32::from(vcpus);
        Self {
            state: Mutex::new(State {
                order: Order::Park,
                started: false,
                running: 0,
                alive,
                cause: None,
            }),
            changed: Condvar::new(),
            slots: (0..vcpus).map(|_| VcpuSlot::default()).collect(),
        }
    }

    /// Lets the vCPUs run for the first time.
    pub fn start(&self) -> Result<(), MachineError> {
        let mut state = lock(&self.state);
        if state.started {
            return Err(MachineError::WrongState {
                request: "start",
                state: "started already",
            });
        }
        state.started = true;
        if state.order == Order::Park {
            state.order = Order::Run;
        }
        self.changed.notify_all();
        Ok(())
    }

    /// Parks the vCPUs and waits until all of them are out of the guest.
    pub fn pause(&self) -> Result<(), MachineError> {
        let mut state = lock(&self.state);
        match state.order {
            Order::Run => state.order = Order::Park,
            Order::Park if state.started => return Ok(()),
            Order::Park => {
                return Err(MachineError::WrongState {
                    request: "pause",
                    state: "not started",
                });
            }
            Order::Stop => {
                return Err(MachineError::WrongState {
                    request: "pause",
                    state: "stopped",
                });
            }
        }
        drop(state);
        self.kick_all();
        self.wait_for("come to rest", |state| state.running == 0)
    }

    /// Lets parked vCPUs run again.
    pub fn resume(&self) -> Result<(), MachineError> {
        let mut state = lock(&self.state);
        match state.order {
            Order::Park if state.started => state.order = Order::Run,
            Order::Run => return Ok(()),
            Order::Park => {
                return Err(MachineError::WrongState {
                    request: "resume",
                    state: "not started",
                });
            }
            Order::Stop => {
                return Err(MachineError::WrongState {
                    request: "resume",
                    state: "stopped",
                });
            }
        }
        self.changed.notify_all();
        Ok(())
    }

    /// Ends all vCPUs, now or when they next come out of the guest.
    pub fn stop(&self, kind: ExitKind, detail: impl Into<String>) {
        let mut state = lock(&self.state);
        state.cause.get_or_insert_with(|| ExitCause {
            kind,
            detail: detail.into(),
        });
        state.order = Order::Stop;
        self.changed.notify_all();
        drop(state);
        self.kick_all();
    }

    /// Whether the machine is to end: long device work asks between its parts.
    pub fn stopping(&self) -> bool {
        lock(&self.state).order == Order::Stop
    }

    /// Whether vCPUs that run are to come to rest.
    pub fn interrupted(&self) -> bool {
        lock(&self.state).order != Order::Run
    }

    /// Waits until every thread has ended.
    pub fn wait_ended(&self) -> Result<(), MachineError> {
        self.wait_for("end", |state| state.alive == 0)
    }

    /// Takes `threads` off that could not be started.
    pub fn disown(&self, threads: u32) {
        lock(&self.state).alive -= threads;
        self.changed.notify_all();
    }

    /// Called by vCPU `index` with its own kick, before its first turn.
    pub fn enlist(&self, index: u8, kick: Kick) {
        if let Some(slot) = self.slots.get(usize::from(index)) {
            slot.set(kick);
        }
    }

    /// Called by a vCPU thread before each entry to the guest; parks it.
    pub fn next_turn(&self, was_running: bool) -> Turn {
        let mut state = lock(&self.state);
        if was_running && state.order == Order::Run {
            return Turn::Run;
        }
        if was_running {
            state.running -= 1;
            self.changed.notify_all();
        }
        loop {
            match state.order {
                Order::Run => {
                    state.running += 1;
                    return Turn::Run;
                }
                Order::Stop => return Turn::Stop,
                Order::Park => {
                    state = self
                        .changed
                        .wait(state)
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                }
            }
        }
    }

    /// Called by a vCPU thread as its last act, with its kick made void. Answers
    /// the cause when it was the last thread of the machine.
    pub fn leave(&self, index: u8) -> Option<ExitCause> {
        if let Some(slot) = self.slots.get(usize::from(index)) {
            slot.clear();
        }
        let mut state = lock(&self.state);
        state.alive -= 1;
        self.changed.notify_all();
        if state.alive > 0 {
            return None;
        }
        Some(state.cause.clone().unwrap_or_else(|| ExitCause {
            kind: ExitKind::InternalError,
            detail: "the vCPU threads ended without a cause".into(),
        }))
    }

    fn kick_all(&self) {
        self.slots.iter().for_each(VcpuSlot::kick);
    }

    fn wait_for(
        &self,
        what: &'static str,
        done: impl Fn(&State) -> bool,
    ) -> Result<(), MachineError> {
        let deadline = Instant::now() + REST_TIMEOUT;
        let mut state = lock(&self.state);
        while !done(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(MachineError::Overrun {
                    what,
                    millis: REST_TIMEOUT.as_millis(),
                });
            }
            (state, _) = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        Ok(())
    }
}
