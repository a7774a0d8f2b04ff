//! The CPUID leaves of a vCPU: what KVM supports, with the topology of this
//! machine put in.

use actovisor_quirks::{GuestProfile, adjust_cpuid};
use kvm_bindings::{CpuId, KVM_MAX_CPUID_ENTRIES};
use kvm_ioctls::Kvm;

use crate::error::CreateError;

const HYPERVISOR_BIT: u32 = 1 << 31;

/// The leaves that KVM supports on this host, adjusted for its class. The same
/// for every vCPU of a machine but for [`for_vcpu`].
pub(crate) fn supported(kvm: &Kvm, profile: &GuestProfile) -> Result<CpuId, CreateError> {
    let mut cpuid = kvm
        .get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)
        .map_err(CreateError::kvm("KVM_GET_SUPPORTED_CPUID"))?;
    adjust_cpuid(profile, &mut cpuid);
    Ok(cpuid)
}

/// Puts the APIC id of vCPU `index` of `count` into the leaves that tell it:
/// each vCPU is a core of its own in one package.
pub(crate) fn for_vcpu(cpuid: &CpuId, index: u8, count: u8) -> CpuId {
    let mut own = cpuid.clone();
    for entry in own.as_mut_slice() {
        match entry.function {
            1 => {
                entry.ecx |= HYPERVISOR_BIT;
                entry.ebx = (entry.ebx & 0xffff) | u32::from(count) << 16 | u32::from(index) << 24;
            }
            4 => {
                // Cores of the package less one, and caches of one core each.
                entry.eax = (entry.eax & 0x3fff) | (u32::from(count) - 1).min(63) << 26;
            }
            0xb | 0x1f => entry.edx = u32::from(index),
            _ => {}
        }
    }
    own
}
