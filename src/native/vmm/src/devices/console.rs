//! The 16550 serial port, whose output is kept in a ring.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use vm_superio::Serial;
use vm_superio::serial::NoEvents;

use super::irq::IrqLine;
use crate::metrics::{Metrics, add};

/// What Linux prints first when it panics, with the reason behind it.
const PANIC_PREFIX: &[u8] = b"Kernel panic - not syncing: ";
/// Bytes of one line that are looked at.
const LINE_BYTES: usize = 512;

/// The serial port of a machine.
pub(crate) struct Console {
    serial: Serial<IrqLine, NoEvents, Ring>,
}

impl Console {
    pub fn new(irq: IrqLine, capacity: usize, metrics: Arc<Metrics>) -> Self {
        let ring = Ring {
            bytes: VecDeque::new(),
            capacity,
            line: Vec::new(),
            panic: None,
            metrics,
        };
        Self {
            serial: Serial::new(irq, ring),
        }
    }

    /// Bytes written to one register, one after the other (REP OUTS).
    pub fn write(&mut self, offset: u8, data: &[u8]) {
        for byte in data {
            // The interrupt line and the ring cannot fail.
            let _ = self.serial.write(offset, *byte);
        }
    }

    pub fn read(&mut self, offset: u8, data: &mut [u8]) {
        for byte in data {
            *byte = self.serial.read(offset);
        }
    }

    /// The last `limit` bytes that the guest wrote.
    pub fn tail(&self, limit: usize) -> Vec<u8> {
        let bytes = &self.serial.writer().bytes;
        bytes
            .iter()
            .skip(bytes.len().saturating_sub(limit))
            .copied()
            .collect()
    }

    /// The reason of a kernel panic, when there was one.
    pub fn panic_message(&self) -> Option<String> {
        self.serial.writer().panic.clone()
    }
}

/// The last bytes of the console and what was found in them.
struct Ring {
    bytes: VecDeque<u8>,
    capacity: usize,
    line: Vec<u8>,
    panic: Option<String>,
    metrics: Arc<Metrics>,
}

impl Ring {
    fn push(&mut self, byte: u8) {
        if self.bytes.len() == self.capacity {
            self.bytes.pop_front();
            add(&self.metrics.console_dropped_bytes, 1);
        }
        self.bytes.push_back(byte);
        if byte == b'\n' {
            self.end_line();
        } else if self.line.len() < LINE_BYTES {
            self.line.push(byte);
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if self.panic.is_none()
            && let Some(at) = line
                .windows(PANIC_PREFIX.len())
                .position(|part| part == PANIC_PREFIX)
        {
            let reason = String::from_utf8_lossy(&line[at + PANIC_PREFIX.len()..]);
            self.panic = Some(reason.trim_end().to_owned());
        }
    }
}

impl io::Write for Ring {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        add(&self.metrics.console_bytes, data.len() as u64);
        data.iter().for_each(|byte| self.push(*byte));
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(capacity: usize) -> Console {
        Console::new(IrqLine::unconnected().unwrap(), capacity, Arc::default())
    }

    #[test]
    fn keeps_the_last_bytes() {
        let mut console = console(4);
        console.write(0, b"abcdefgh");
        assert_eq!(console.tail(100), b"efgh");
        assert_eq!(console.tail(2), b"gh");
    }

    #[test]
    fn finds_the_panic_and_keeps_the_first() {
        let mut console = console(1 << 16);
        console.write(
            0,
            b"[    0.1] Kernel panic - not syncing: Attempted to kill init!\r\n",
        );
        console.write(0, b"[    0.2] Kernel panic - not syncing: again\r\n");
        assert_eq!(
            console.panic_message().as_deref(),
            Some("Attempted to kill init!")
        );
    }

    #[test]
    fn a_flood_without_line_ends_stays_bounded() {
        let mut console = console(1024);
        for _ in 0..10_000 {
            console.write(0, &[b'x'; 64]);
        }
        assert_eq!(console.tail(usize::MAX).len(), 1024);
        assert!(console.serial.writer().line.len() <= LINE_BYTES);
    }
}
