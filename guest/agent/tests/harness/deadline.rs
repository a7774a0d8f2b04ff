//! Waiting for what has no message, and never for ever.

use std::time::{Duration, Instant};

/// No step of a test takes as long on the slowest machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Asks again and again, giving others the processor, until there is an answer.
pub fn within_deadline<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "no {what} in {DEADLINE:?}");
        std::thread::yield_now();
    }
}

/// Whether a process is there and no zombie.
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ")
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}
