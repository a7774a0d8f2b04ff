//! The vCPUs of a machine under construction, in the state that they boot from.

use actovisor_quirks::GuestProfile;
use kvm_ioctls::{Kvm, VcpuFd, VmFd};

use crate::error::CreateError;
use crate::{boot, cpuid};

/// Creates `count` vCPUs; the first one begins at `entry`.
pub(super) fn create_vcpus(
    kvm: &Kvm,
    vm: &VmFd,
    profile: &GuestProfile,
    count: u8,
    entry: u64,
) -> Result<Vec<VcpuFd>, CreateError> {
    let cpuid = cpuid::supported(kvm, profile)?;
    (0..count)
        .map(|index| {
            let vcpu = vm
                .create_vcpu(u64::from(index))
                .map_err(CreateError::kvm("KVM_CREATE_VCPU"))?;
            vcpu.set_cpuid2(&cpuid::for_vcpu(&cpuid, index, count))
                .map_err(CreateError::kvm("KVM_SET_CPUID2"))?;
            if index == 0 {
                // The others wait for INIT and SIPI of the first.
                let reset = vcpu
                    .get_sregs()
                    .map_err(CreateError::kvm("KVM_GET_SREGS"))?;
                vcpu.set_sregs(&boot::boot_special_registers(reset))
                    .map_err(CreateError::kvm("KVM_SET_SREGS"))?;
                vcpu.set_regs(&boot::boot_registers(entry))
                    .map_err(CreateError::kvm("KVM_SET_REGS"))?;
            }
            Ok(vcpu)
        })
        .collect()
}
