//! Credit: how much of a stream may be outstanding.

use crate::protocol::INITIAL_GRANT;

/// Consumed bytes are granted again in portions of this size.
const PORTION: usize = INITIAL_GRANT / 4;

/// What this side may still send.
#[derive(Debug)]
pub struct SendWindow(u64);

impl SendWindow {
    /// The window of a new stream.
    pub fn new() -> Self {
        Self(INITIAL_GRANT as u64)
    }

    /// At most this much may be sent now.
    pub fn room(&self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Notes that `bytes` were sent.
    pub fn sent(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes as u64);
    }

    /// The receiver grants more.
    pub fn credit(&mut self, bytes: u32) {
        self.0 = self.0.saturating_add(u64::from(bytes));
    }
}

impl Default for SendWindow {
    fn default() -> Self {
        Self::new()
    }
}

/// What the other side may still send.
#[derive(Debug)]
pub struct ReceiveWindow {
    granted: usize,
    consumed: usize,
}

impl ReceiveWindow {
    /// The window of a new stream.
    pub fn new() -> Self {
        Self {
            granted: INITIAL_GRANT,
            consumed: 0,
        }
    }

    /// Notes that `bytes` came; answers what was granted when they are more.
    pub fn receive(&mut self, bytes: usize) -> Result<(), usize> {
        self.granted = self.granted.checked_sub(bytes).ok_or(self.granted)?;
        Ok(())
    }

    /// Notes that `bytes` were consumed; answers what to grant for it now, if a portion is full.
    pub fn consume(&mut self, bytes: usize) -> Option<u32> {
        self.consumed += bytes;
        if self.consumed < PORTION {
            return None;
        }
        let credit = u32::try_from(self.consumed).ok()?;
        self.granted += self.consumed;
        self.consumed = 0;
        Some(credit)
    }
}

impl Default for ReceiveWindow {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_consumed_is_granted_again() {
        let mut window = ReceiveWindow::new();
        assert_eq!(window.receive(INITIAL_GRANT), Ok(()));
        assert_eq!(window.receive(1), Err(0));
        assert_eq!(window.consume(PORTION - 1), None);
        assert_eq!(window.consume(1), u32::try_from(PORTION).ok());
        assert_eq!(window.receive(PORTION + 1), Err(PORTION));
        assert_eq!(window.receive(PORTION), Ok(()));
    }

    #[test]
    fn credit_without_end_does_not_overflow() {
        let mut window = SendWindow(u64::MAX - 1);
        window.credit(u32::MAX);
        assert_eq!(window.0, u64::MAX);
    }
}
