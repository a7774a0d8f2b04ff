use crate::class::{HostClass, KernelFlavour};

/// What a guest needs because of the host's class; all of it is empty on ordinary KVM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestProfile {
    /// The class that the profile is for.
    pub class: HostClass,
    /// The kernel flavour that the profile is for.
    pub flavour: KernelFlavour,
    /// Words to add to the kernel's command line.
    pub cmdline: &'static str,
    /// Whether refused instructions are to be completed by an [`Assist`](crate::Assist).
    pub assist: bool,
    /// MSRs that a snapshot must carry although no index list names them.
    pub extra_msrs: &'static [u32],
    /// The special measures by name, for a person to read.
    pub names: &'static [&'static str],
}

/// A kernel flavour that the host's class cannot run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {flavour} kernel does not run on a host of class {class}: it needs kvm-pvm with native \
     mode; use the {} kernel, or leave the choice to the host probe",
    class.flavour()
)]
pub struct IncompatibleFlavour {
    /// The host's class.
    pub class: HostClass,
    /// The flavour that was asked for.
    pub flavour: KernelFlavour,
}

/// The profile of a guest with this kernel on this class of host.
pub fn guest_profile(
    class: HostClass,
    flavour: KernelFlavour,
) -> Result<GuestProfile, IncompatibleFlavour> {
    match (class, flavour) {
        (HostClass::Ordinary, KernelFlavour::Standard) => Ok(GuestProfile {
            class,
            flavour,
            cmdline: "",
            assist: false,
            extra_msrs: &[],
            names: &[],
        }),
        (HostClass::PvmNative, KernelFlavour::Pvm) => Ok(GuestProfile {
            class,
            flavour,
            cmdline: NATIVE_CMDLINE,
            assist: false,
            extra_msrs: &[NATIVE_MODE_REGISTRATION],
            names: &["native-kernel-mode", "page-table-isolation", "clearcpuid"],
        }),
        (HostClass::PvmNative | HostClass::PvmEmulated, KernelFlavour::Standard) => {
            Ok(GuestProfile {
                class,
                flavour,
                cmdline: EMULATED_CMDLINE,
                assist: true,
                extra_msrs: &[],
                names: &[
                    "emulated-kernel-mode",
                    "emulation-assist",
                    "clearcpuid",
                    "no-cx16",
                ],
            })
        }
        (HostClass::Ordinary | HostClass::PvmEmulated, KernelFlavour::Pvm) => {
            Err(IncompatibleFlavour { class, flavour })
        }
    }
}

/// Where the guest registered the memory it shares with the host, with the mode's bits.
const NATIVE_MODE_REGISTRATION: u32 = 0x4b56_4d10;

// CPUID shows guests nearly the bare hardware on these hosts, whatever KVM was given, so what must
// not be used is taken away in the guest kernel, which ignores names that its processor lacks.
// Each name has its reason in docs/quirks/design.md. The host applies its own mitigations; the
// guest's are writes to MSRs that trap. Page-table isolation is not one of those. Files mapped
// through DAX fault page by page, and a fault costs 50 µs and more; the page cache maps sixteen
// at a time.
const NATIVE_CMDLINE: &str = "clearcpuid=xsaves,smap,smep,pku,ibt,invpcid,pcid,rdpid,monitor,mwaitx,waitpkg \
     pti=on mitigations=off rootflags=dax=never";
const EMULATED_CMDLINE: &str = "clearcpuid=xsaves,smap,smep,umip,pku,ibt,invpcid,pcid,rdpid,movbe,\
     monitor,mwaitx,waitpkg,aes,pclmulqdq,sha_ni,fsgsbase,cx16,erms,fsrm,clwb,rdtscp,bmi2 mitigations=off \
     noreplace-smp initcall_blacklist=slab_late_init rootflags=dax=never";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_hosts_get_nothing_special() {
        let profile = guest_profile(HostClass::Ordinary, KernelFlavour::Standard)
            .expect("ordinary hosts run the standard kernel");
        assert_eq!(profile.cmdline, "");
        assert!(!profile.assist);
        assert!(profile.extra_msrs.is_empty());
        assert!(profile.names.is_empty());
    }

    #[test]
    fn native_guests_keep_their_registration_and_isolate_the_kernel() {
        let profile = guest_profile(HostClass::PvmNative, KernelFlavour::Pvm)
            .expect("native hosts run the pvm kernel");
        assert_eq!(profile.extra_msrs, [0x4b56_4d10]);
        assert!(profile.cmdline.split(' ').any(|word| word == "pti=on"));
        assert!(!profile.assist);
    }

    #[test]
    fn the_standard_kernel_is_emulated_on_both_kinds_of_kvm_pvm() {
        let native = guest_profile(HostClass::PvmNative, KernelFlavour::Standard);
        let emulated = guest_profile(HostClass::PvmEmulated, KernelFlavour::Standard);
        for profile in [native, emulated] {
            let profile = profile.expect("kvm-pvm emulates the standard kernel");
            assert!(profile.assist);
            assert!(profile.extra_msrs.is_empty());
            assert!(!profile.cmdline.contains("pti"));
        }
    }

    #[test]
    fn command_lines_hold_one_list_of_names_without_blanks() {
        for line in [NATIVE_CMDLINE, EMULATED_CMDLINE] {
            let lists = line
                .split(' ')
                .filter_map(|word| word.strip_prefix("clearcpuid="));
            let names: Vec<&str> = lists.flat_map(|list| list.split(',')).collect();
            assert!(
                !names.is_empty() && names.iter().all(|name| !name.is_empty()),
                "{line}"
            );
            assert!(!line.contains("  "), "{line}");
        }
    }

    #[test]
    fn the_pvm_kernel_is_refused_elsewhere_with_what_to_do() {
        for class in [HostClass::Ordinary, HostClass::PvmEmulated] {
            let error = guest_profile(class, KernelFlavour::Pvm).expect_err("needs native mode");
            let message = error.to_string();
            assert!(message.contains(&class.to_string()), "{message}");
            assert!(message.contains("use the standard kernel"), "{message}");
        }
    }
}
