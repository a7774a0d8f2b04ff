//! Counters of one machine.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that the threads of a machine add to.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub exits_io: AtomicU64,
    pub exits_mmio: AtomicU64,
    pub exits_other: AtomicU64,
    pub assisted: AtomicU64,
    pub vsock_rx_bytes: AtomicU64,
    pub vsock_tx_bytes: AtomicU64,
    pub console_bytes: AtomicU64,
    pub console_dropped_bytes: AtomicU64,
}

/// The counters at one moment; each exact, not of the very same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsSnapshot {
    /// Port exits of the vCPUs.
    pub exits_io: u64,
    /// MMIO exits of the vCPUs.
    pub exits_mmio: u64,
    /// All other exits, signals included.
    pub exits_other: u64,
    /// Instructions served by the emulation assist.
    pub assisted: u64,
    /// Payload bytes given to the guest over vsock.
    pub vsock_rx_bytes: u64,
    /// Payload bytes taken from the guest over vsock.
    pub vsock_tx_bytes: u64,
    /// Bytes that the guest wrote to its console.
    pub console_bytes: u64,
    /// Of those, the ones that the ring has dropped since.
    pub console_dropped_bytes: u64,
}

impl Metrics {
    pub fn snapshot(&self) -> MetricsSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MetricsSnapshot {
            exits_io: read(&self.exits_io),
            exits_mmio: read(&self.exits_mmio),
            exits_other: read(&self.exits_other),
            assisted: read(&self.assisted),
            vsock_rx_bytes: read(&self.vsock_rx_bytes),
            vsock_tx_bytes: read(&self.vsock_tx_bytes),
            console_bytes: read(&self.console_bytes),
            console_dropped_bytes: read(&self.console_dropped_bytes),
        }
    }
}

/// Adds without ordering: counters publish nothing.
pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
