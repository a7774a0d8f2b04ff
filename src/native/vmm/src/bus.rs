//! Ports and MMIO of a machine, and who answers there.

use std::sync::{Arc, Mutex};

use crate::devices::console::Console;
use crate::devices::reset::ResetController;
use crate::devices::virtio::mmio::MmioDevice;
use crate::events::{ExitKind, lock};
use crate::layout::{I8042_PORT, MMIO_BASE, MMIO_STRIDE, SERIAL_PORT};

const SERIAL_PORTS: u16 = 8;
const I8042_PORTS: u16 = 5;

/// The devices by address. Reads of what is not there answer ones, writes to it
/// vanish, as on a PC.
pub(crate) struct Bus {
    pub console: Arc<Mutex<Console>>,
    pub reset: ResetController,
    pub mmio: Vec<Arc<dyn MmioDevice>>,
}

impl Bus {
    pub fn write_port(&self, port: u16, data: &[u8]) -> Result<(), (ExitKind, String)> {
        if let Some(offset) = offset(port, SERIAL_PORT, SERIAL_PORTS) {
            lock(&self.console).write(offset, data);
        } else if let Some(offset) = offset(port, I8042_PORT, I8042_PORTS)
            && self.reset.write(offset, data)
        {
            return Err(match lock(&self.console).panic_message() {
                Some(message) => (ExitKind::GuestPanic, message),
                None => (ExitKind::Reset, "the guest reset the machine".into()),
            });
        }
        Ok(())
    }

    pub fn read_port(&self, port: u16, data: &mut [u8]) {
        data.fill(0xff);
        if let Some(offset) = offset(port, SERIAL_PORT, SERIAL_PORTS) {
            lock(&self.console).read(offset, data);
        } else if offset(port, I8042_PORT, I8042_PORTS).is_some() {
            self.reset.read(data);
        }
    }

    pub fn write_mmio(&self, address: u64, data: &[u8]) {
        if let Some((device, offset)) = self.mmio_at(address) {
            device.write(offset, data);
        }
    }

    pub fn read_mmio(&self, address: u64, data: &mut [u8]) {
        data.fill(0xff);
        if let Some((device, offset)) = self.mmio_at(address) {
            device.read(offset, data);
        }
    }

    fn mmio_at(&self, address: u64) -> Option<(&dyn MmioDevice, u64)> {
        let from_base = address.checked_sub(MMIO_BASE)?;
        let index = usize::try_from(from_base / MMIO_STRIDE).ok()?;
        Some((self.mmio.get(index)?.as_ref(), from_base % MMIO_STRIDE))
    }
}

fn offset(port: u16, base: u16, ports: u16) -> Option<u8> {
    u8::try_from(port.checked_sub(base)?)
        .ok()
        .filter(|offset| u16::from(*offset) < ports)
}
