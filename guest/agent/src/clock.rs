//! The clocks of the system, in nanoseconds.

use rustix::time::{ClockId, Timespec, clock_gettime};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A point of CLOCK_MONOTONIC.
pub fn monotonic() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// A point of CLOCK_BOOTTIME.
pub fn boottime() -> u64 {
    nanos(clock_gettime(ClockId::Boottime))
}

/// A duration as system calls take it.
pub fn timespec(nanos: u64) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(nanos % NANOS_PER_SECOND).unwrap_or_default(),
    }
}

fn nanos(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let rest = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds
        .saturating_mul(NANOS_PER_SECOND)
        .saturating_add(rest)
}
