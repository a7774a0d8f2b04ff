//! What a machine tells its owner, bounded whatever the guest does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::devices::virtio::vsock::ConnectionId;

/// Why a machine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitKind {
    /// The owner killed it.
    Killed,
    /// The guest reset the machine: reboot or poweroff.
    Reset,
    /// The guest kernel panicked.
    GuestPanic,
    /// A fault while a double fault was delivered.
    TripleFault,
    /// The host could not emulate an instruction.
    EmulationFailure,
    /// KVM_RUN failed, or refused the state of the vCPU.
    KvmError,
    /// A fault of the monitor itself.
    InternalError,
}

/// Why a machine ended, with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitCause {
    /// The kind.
    pub kind: ExitKind,
    /// One line: the panic message, the bytes of the instruction, the error.
    pub detail: String,
}

/// Something that happened to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The boot passed a stage.
    Stage {
        /// Name of the stage.
        name: &'static str,
        /// CLOCK_MONOTONIC.
        at_ns: u64,
    },
    /// The guest connected to a port of the host.
    VsockOpen {
        /// Of the new connection.
        connection: ConnectionId,
        /// Of the host.
        port: u32,
    },
    /// Bytes, or the end, can be read.
    VsockReadable(ConnectionId),
    /// There is room to write again.
    VsockWritable(ConnectionId),
    /// The connection is gone.
    VsockClosed {
        /// Of the connection.
        connection: ConnectionId,
        /// Why.
        reason: &'static str,
    },
    /// No vCPU runs any more. The last event.
    Exit {
        /// Why.
        cause: ExitCause,
        /// CLOCK_MONOTONIC.
        at_ns: u64,
    },
}

/// The events that wait for the owner. Stages are a fixed set and connections
/// are limited by the vsock device, so the queue needs no limit of its own:
/// readiness is a level per connection, not a list.
pub struct EventQueue {
    pending: Mutex<Pending>,
    woken: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Debug, Default)]
struct Pending {
    stages: Vec<(&'static str, u64)>,
    passed: Vec<&'static str>,
    connections: BTreeMap<ConnectionId, Levels>,
    exit: Option<(ExitCause, u64)>,
}

#[derive(Debug, Default)]
struct Levels {
    opened: Option<u32>,
    readable: bool,
    writable: bool,
    closed: Option<&'static str>,
}

impl EventQueue {
    /// `wake` is called, from any thread, when an empty queue gets an event. It
    /// must not block and must not call back into the machine.
    #[must_use]
    pub fn new(wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self {
            pending: Mutex::default(),
            woken: AtomicBool::new(false),
            wake,
        }
    }

    /// Takes all events: stages, then connections by id, then the exit.
    pub fn take(&self) -> Vec<Event> {
        self.woken.store(false, Ordering::SeqCst);
        let (stages, connections, exit) = {
            let mut pending = lock(&self.pending);
            (
                std::mem::take(&mut pending.stages),
                std::mem::take(&mut pending.connections),
                pending.exit.take(),
            )
        };
        let mut events: Vec<Event> = stages
            .into_iter()
            .map(|(name, at_ns)| Event::Stage { name, at_ns })
            .collect();
        for (connection, levels) in connections {
            events.extend(
                levels
                    .opened
                    .map(|port| Event::VsockOpen { connection, port }),
            );
            if levels.readable {
                events.push(Event::VsockReadable(connection));
            }
            if levels.writable {
                events.push(Event::VsockWritable(connection));
            }
            events.extend(
                levels
                    .closed
                    .map(|reason| Event::VsockClosed { connection, reason }),
            );
        }
        events.extend(exit.map(|(cause, at_ns)| Event::Exit { cause, at_ns }));
        events
    }

    /// Connections with events that the owner has not taken.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.pending).connections.len()
    }

    /// Notes that a stage was passed; later passes of the same stage are dropped.
    pub(crate) fn stage(&self, name: &'static str) {
        self.change(|pending| {
            if !pending.passed.contains(&name) {
                pending.passed.push(name);
                pending.stages.push((name, monotonic_ns()));
            }
        });
    }

    pub(crate) fn opened(&self, connection: ConnectionId, port: u32) {
        self.change(|pending| {
            pending.connections.entry(connection).or_default().opened = Some(port);
        });
    }

    pub(crate) fn readable(&self, connection: ConnectionId) {
        self.change(|pending| pending.connections.entry(connection).or_default().readable = true);
    }

    pub(crate) fn writable(&self, connection: ConnectionId) {
        self.change(|pending| pending.connections.entry(connection).or_default().writable = true);
    }

    pub(crate) fn closed(&self, connection: ConnectionId, reason: &'static str) {
        self.change(|pending| {
            pending.connections.entry(connection).or_default().closed = Some(reason);
        });
    }

    pub(crate) fn exit(&self, cause: ExitCause) {
        self.change(|pending| pending.exit = Some((cause, monotonic_ns())));
    }

    fn change(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut lock(&self.pending));
        if !self.woken.swap(true, Ordering::SeqCst) {
            (self.wake)();
        }
    }
}

impl fmt::Debug for EventQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventQueue")
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

/// CLOCK_MONOTONIC in ns, the clock of `process.hrtime`.
pub(crate) fn monotonic_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is valid for writes; CLOCK_MONOTONIC always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// Locks on, past a holder that panicked: the panic has ended that vCPU, and
/// what the lock guards is checked where it is used.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn wakes_once_until_taken() {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&wakes);
        let queue = EventQueue::new(Box::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        }));
        queue.stage("kvm");
        queue.readable(ConnectionId(1));
        queue.readable(ConnectionId(1));
        assert_eq!(wakes.load(Ordering::SeqCst), 1);
        assert_eq!(queue.take().len(), 2);
        queue.writable(ConnectionId(1));
        assert_eq!(wakes.load(Ordering::SeqCst), 2);
        assert_eq!(queue.take(), [Event::VsockWritable(ConnectionId(1))]);
        assert!(queue.take().is_empty());
    }

    #[test]
    fn a_stage_is_told_once() {
        let queue = EventQueue::new(Box::new(|| ()));
        queue.stage("started");
        queue.take();
        queue.stage("started");
        assert!(queue.take().is_empty());
    }
}
