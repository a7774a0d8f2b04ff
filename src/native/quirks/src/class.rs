use std::fmt;

/// How a host runs the kernel mode of its guests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostClass {
    /// VMX or SVM: the hardware runs kernel mode and nothing special is needed.
    Ordinary,
    /// kvm-pvm that runs kernel mode natively once the guest has registered itself.
    PvmNative,
    /// kvm-pvm that emulates kernel mode instruction by instruction.
    PvmEmulated,
}

/// Which build of the guest kernel to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KernelFlavour {
    /// The ordinary kernel, for hardware and for emulation.
    Standard,
    /// The kernel that registers itself for native kernel mode.
    Pvm,
}

impl HostClass {
    /// The flavour that this class runs best.
    #[must_use]
    pub const fn flavour(self) -> KernelFlavour {
        match self {
            Self::PvmNative => KernelFlavour::Pvm,
            Self::Ordinary | Self::PvmEmulated => KernelFlavour::Standard,
        }
    }
}

impl fmt::Display for HostClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ordinary => "ordinary",
            Self::PvmNative => "pvm-native",
            Self::PvmEmulated => "pvm-emulated",
        })
    }
}

impl fmt::Display for KernelFlavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "standard",
            Self::Pvm => "pvm",
        })
    }
}
