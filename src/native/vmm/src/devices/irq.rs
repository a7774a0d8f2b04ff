//! Interrupt lines: an eventfd that KVM turns into an edge on a GSI.

use kvm_ioctls::VmFd;
use vm_superio::Trigger;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use crate::error::CreateError;

/// An edge-triggered interrupt line.
#[derive(Debug)]
pub(crate) struct IrqLine(EventFd);

impl IrqLine {
    /// A line to `gsi` of `vm`.
    pub fn new(vm: &VmFd, gsi: u32) -> Result<Self, CreateError> {
        let line = Self::unconnected()?;
        vm.register_irqfd(&line.0, gsi)
            .map_err(CreateError::kvm("KVM_IRQFD"))?;
        Ok(line)
    }

    /// A line that leads nowhere.
    pub fn unconnected() -> Result<Self, CreateError> {
        let fd =
            EventFd::new(EFD_NONBLOCK | libc::EFD_CLOEXEC).map_err(|source| CreateError::Kvm {
                call: "eventfd",
                source,
            })?;
        Ok(Self(fd))
    }

    /// Raises the line. It cannot fail but by a full counter, and then an edge
    /// is under way.
    pub fn raise(&self) {
        let _ = self.0.write(1);
    }
}

impl Trigger for IrqLine {
    type E = std::convert::Infallible;

    fn trigger(&self) -> Result<(), Self::E> {
        self.raise();
        Ok(())
    }
}
