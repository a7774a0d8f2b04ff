use kvm_bindings::CpuId;

use crate::profile::GuestProfile;

/// Leaf 1, ECX: CMPXCHG16B.
const CX16: u32 = 1 << 13;

/// Changes what a class of host needs changed in a guest's CPUID, and nothing otherwise.
pub fn adjust_cpuid(profile: &GuestProfile, cpuid: &mut CpuId) {
    if !profile.assist {
        return;
    }
    for entry in cpuid.as_mut_slice() {
        if entry.function == 1 {
            entry.ecx &= !CX16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::{HostClass, KernelFlavour};
    use crate::profile::guest_profile;
    use kvm_bindings::kvm_cpuid_entry2;

    fn adjusted(class: HostClass, flavour: KernelFlavour) -> (CpuId, CpuId) {
        let entries = [1, 7, 0xd].map(|function| kvm_cpuid_entry2 {
            function,
            eax: u32::MAX,
            ebx: u32::MAX,
            ecx: u32::MAX,
            edx: u32::MAX,
            ..Default::default()
        });
        let before = CpuId::from_entries(&entries).expect("three entries fit");
        let mut after = before.clone();
        let profile = guest_profile(class, flavour).expect("compatible");
        adjust_cpuid(&profile, &mut after);
        (before, after)
    }

    #[test]
    fn nothing_changes_where_the_hardware_runs_the_kernel() {
        for (class, flavour) in [
            (HostClass::Ordinary, KernelFlavour::Standard),
            (HostClass::PvmNative, KernelFlavour::Pvm),
        ] {
            let (before, after) = adjusted(class, flavour);
            assert_eq!(before, after);
        }
    }

    #[test]
    fn emulated_guests_lose_only_cx16() {
        let (before, after) = adjusted(HostClass::PvmEmulated, KernelFlavour::Standard);
        for (old, new) in before.as_slice().iter().zip(after.as_slice()) {
            let lost = if old.function == 1 { CX16 } else { 0 };
            assert_eq!(new.ecx, old.ecx & !lost);
            assert_eq!((new.eax, new.ebx, new.edx), (old.eax, old.ebx, old.edx));
        }
    }
}
