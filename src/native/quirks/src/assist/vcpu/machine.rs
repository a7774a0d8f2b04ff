use kvm_bindings::{Msrs, kvm_msr_entry, kvm_sregs, kvm_xsave};
use kvm_ioctls::VcpuFd;
use vm_memory::GuestMemoryMmap;

use super::memory::LinearMemory;
use super::paging::Access;
use crate::assist::error::AssistError;
use crate::assist::machine::{Exception, Machine, Stop};
use crate::assist::xstate::{Layout, XState};

/// XCR0 where the guest has not set it.
const XCR0_RESET: u64 = 1;

/// A stopped vCPU with the memory of its guest.
pub(in crate::assist) struct VcpuMachine<'a> {
    vcpu: &'a VcpuFd,
    system: kvm_sregs,
    memory: LinearMemory<'a>,
    layout: &'a Layout,
}

impl<'a> VcpuMachine<'a> {
    pub(in crate::assist) fn new(
        vcpu: &'a VcpuFd,
        memory: &'a GuestMemoryMmap<()>,
        layout: &'a Layout,
        system: kvm_sregs,
        user_access_allowed: bool,
    ) -> Self {
        Self {
            vcpu,
            system,
            memory: LinearMemory::new(memory, user_access_allowed),
            layout,
        }
    }

    /// Reads code, up to the first page that has none; answers how much there was.
    pub(in crate::assist) fn fetch(&mut self, address: u64, buffer: &mut [u8]) -> usize {
        let fetched = |byte: (usize, &mut u8)| {
            let place = address.wrapping_add(byte.0 as u64);
            let one = std::slice::from_mut(byte.1);
            self.memory
                .read(&self.system, place, one, Access::Fetch)
                .is_ok()
        };
        buffer
            .iter_mut()
            .enumerate()
            .map(fetched)
            .take_while(|ok| *ok)
            .count()
    }
}

impl Machine for VcpuMachine<'_> {
    fn system(&self) -> &kvm_sregs {
        &self.system
    }

    fn layout(&self) -> &Layout {
        self.layout
    }

    fn read(&mut self, address: u64, buffer: &mut [u8]) -> Result<(), Stop> {
        self.memory
            .read(&self.system, address, buffer, Access::Read)
    }

    fn write(&mut self, parts: &[(u64, &[u8])]) -> Result<(), Stop> {
        self.memory.write(&self.system, parts)
    }

    fn compare_exchange(&mut self, address: u64, expected: u128, new: u128) -> Result<u128, Stop> {
        self.memory
            .compare_exchange(&self.system, address, expected, new)
    }

    fn xstate(&mut self) -> Result<XState, Stop> {
        let image = self
            .vcpu
            .get_xsave()
            .map_err(AssistError::kvm("KVM_GET_XSAVE"))?;
        Ok(XState::from(&image))
    }

    fn set_xstate(&mut self, state: &XState) -> Result<(), Stop> {
        // SAFETY: the assist refuses state beyond the 4096 bytes of `kvm_xsave`, and a guest gets
        // such state only if the process asked the kernel for it, which this one does not.
        unsafe { self.vcpu.set_xsave(&kvm_xsave::from(state)) }
            .map_err(AssistError::kvm("KVM_SET_XSAVE"))?;
        Ok(())
    }

    fn xcr0(&mut self) -> Result<u64, Stop> {
        let xcrs = self
            .vcpu
            .get_xcrs()
            .map_err(AssistError::kvm("KVM_GET_XCRS"))?;
        let count = usize::try_from(xcrs.nr_xcrs).unwrap_or_default();
        let first = xcrs
            .xcrs
            .iter()
            .take(count)
            .find(|register| register.xcr == 0);
        Ok(first.map_or(XCR0_RESET, |register| register.value))
    }

    fn msr(&mut self, index: u32) -> Result<u64, Stop> {
        let entry = kvm_msr_entry {
            index,
            ..Default::default()
        };
        let mut msrs = Msrs::from_entries(&[entry]).map_err(|_| Exception::GENERAL_PROTECTION)?;
        let read = self
            .vcpu
            .get_msrs(&mut msrs)
            .map_err(AssistError::kvm("KVM_GET_MSRS"))?;
        match msrs.as_slice() {
            [entry] if read == 1 => Ok(entry.data),
            _ => Err(AssistError::NoMsr { index }.into()),
        }
    }
}
