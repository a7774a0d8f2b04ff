//! The virtio devices of a machine under construction.

use std::sync::Arc;

use kvm_ioctls::VmFd;
use vm_memory::GuestMemoryMmap;

use crate::devices::irq::IrqLine;
use crate::devices::virtio::VirtioDevice;
use crate::devices::virtio::mmio::{MmioDevice, Transport};
use crate::error::CreateError;
use crate::events::EventQueue;
use crate::layout::{MMIO_BASE, MMIO_FIRST_GSI, MMIO_STRIDE, SERIAL_GSI, TIMER_GSI};
use crate::vcpu::Control;

/// Collects virtio devices with their addresses and interrupts.
pub(super) struct Board<'a> {
    pub vm: &'a VmFd,
    pub memory: &'a GuestMemoryMmap,
    pub control: &'a Arc<Control>,
    pub events: &'a Arc<EventQueue>,
    pub devices: Vec<Arc<dyn MmioDevice>>,
    pub words: Vec<String>,
}

impl Board<'_> {
    /// The interrupt lines of the machine: timer, serial port, devices.
    pub fn gsis(&self) -> Vec<u8> {
        let devices = u32::try_from(self.devices.len()).unwrap_or(0);
        let wired = [TIMER_GSI, SERIAL_GSI].into_iter();
        wired
            .chain(MMIO_FIRST_GSI..MMIO_FIRST_GSI + devices)
            .filter_map(|gsi| u8::try_from(gsi).ok())
            .collect()
    }

    /// Puts a device at the next address and interrupt line.
    pub fn add<D: VirtioDevice + 'static>(
        &mut self,
        device: D,
    ) -> Result<Arc<Transport<D>>, CreateError> {
        let index = u32::try_from(self.devices.len()).unwrap_or(u32::MAX);
        let gsi = MMIO_FIRST_GSI + index;
        let irq = IrqLine::new(self.vm, gsi)?;
        let transport = Arc::new(Transport::new(
            device,
            self.memory.clone(),
            irq,
            Arc::clone(self.control),
            Arc::clone(self.events),
        ));
        let address = MMIO_BASE + u64::from(index) * MMIO_STRIDE;
        self.words
            .push(format!("virtio_mmio.device=4K@{address:#x}:{gsi}"));
        self.devices
            .push(Arc::clone(&transport) as Arc<dyn MmioDevice>);
        Ok(transport)
    }
}
