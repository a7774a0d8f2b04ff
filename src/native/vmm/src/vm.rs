//! /dev/kvm and the VM file descriptor.

use std::io::ErrorKind;

use actovisor_quirks::HostProfile;
use kvm_bindings::{
    KVM_API_VERSION, KVM_MEM_READONLY, KVM_PIT_SPEAKER_DUMMY, kvm_pit_config,
    kvm_userspace_memory_region,
};
use kvm_ioctls::{Kvm, VmFd};
use vm_memory::{GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

use crate::error::CreateError;
use crate::layout::KVM_TSS;
use crate::memory::DiskMapping;

/// What the probe tells of a host.
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// The class of host and how it was found.
    pub profile: HostProfile,
    /// Of KVM; always 12.
    pub api_version: i32,
    /// The most vCPUs that KVM lets a VM have.
    pub max_vcpus: u32,
}

/// Opens /dev/kvm and finds out the class of this host.
pub fn probe_host() -> Result<HostFacts, CreateError> {
    let kvm = open_kvm()?;
    let profile = actovisor_quirks::probe(&kvm)?;
    Ok(HostFacts {
        profile,
        api_version: kvm.get_api_version(),
        max_vcpus: u32::try_from(kvm.get_max_vcpus()).unwrap_or(u32::MAX),
    })
}

/// Opens /dev/kvm and checks its API version.
pub fn open_kvm() -> Result<Kvm, CreateError> {
    let kvm = Kvm::new().map_err(|error| {
        let source = std::io::Error::from_raw_os_error(error.errno());
        match source.kind() {
            ErrorKind::PermissionDenied => CreateError::KvmPermission(source),
            _ => CreateError::NoKvm(source),
        }
    })?;
    let version = kvm.get_api_version();
    if u32::try_from(version) == Ok(KVM_API_VERSION) {
        Ok(kvm)
    } else {
        Err(CreateError::KvmApi(version))
    }
}

/// Creates a VM with the interrupt controllers and the timer of a PC.
pub(crate) fn create_vm(kvm: &Kvm) -> Result<VmFd, CreateError> {
    let vm = kvm.create_vm().map_err(CreateError::kvm("KVM_CREATE_VM"))?;
    vm.set_tss_address(KVM_TSS)
        .map_err(CreateError::kvm("KVM_SET_TSS_ADDR"))?;
    vm.create_irq_chip()
        .map_err(CreateError::kvm("KVM_CREATE_IRQCHIP"))?;
    let pit = kvm_pit_config {
        flags: KVM_PIT_SPEAKER_DUMMY,
        ..Default::default()
    };
    vm.create_pit2(pit)
        .map_err(CreateError::kvm("KVM_CREATE_PIT2"))?;
    Ok(vm)
}

/// Sets a memslot for each region of RAM, and one for the disk.
pub(crate) fn set_memslots(
    vm: &VmFd,
    memory: &GuestMemoryMmap,
    disk: Option<(&DiskMapping, u64)>,
) -> Result<(), CreateError> {
    let mut slots = Vec::new();
    for region in memory.iter() {
        let host = memory
            .get_host_address(GuestAddress(region.start_addr().0))
            .map_err(|error| CreateError::Memory {
                address: region.start_addr().0,
                reason: error.to_string(),
            })?;
        slots.push((0, region.start_addr().0, region.len(), host.addr() as u64));
    }
    if let Some((disk, start)) = disk {
        slots.push((KVM_MEM_READONLY, start, disk.bytes(), disk.address()));
    }
    for (slot, (flags, guest_phys_addr, memory_size, userspace_addr)) in (0..).zip(slots) {
        let region = kvm_userspace_memory_region {
            slot,
            flags,
            guest_phys_addr,
            memory_size,
            userspace_addr,
        };
        // SAFETY: the host range is a mapping that the machine owns and keeps
        // until the VM is gone; slots do not overlap by the layout.
        unsafe { vm.set_user_memory_region(region) }
            .map_err(CreateError::kvm("KVM_SET_USER_MEMORY_REGION"))?;
    }
    Ok(())
}
