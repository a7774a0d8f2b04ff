use crate::class::{HostClass, KernelFlavour};

/// Why an instruction that the host refused could not be completed; the VM cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum AssistError {
    /// The exit was something else than a refused instruction.
    #[error(
        "emulation assist: exit reason {exit_reason}, suberror {suberror} is no refused instruction"
    )]
    NotRefused {
        /// KVM's exit reason.
        exit_reason: u32,
        /// KVM's suberror.
        suberror: u32,
    },
    /// The host refused an instruction where none is expected to be.
    #[error(
        "emulation assist: the host refused the instruction [{bytes}], which a host of class \
         {class} should not do to the {flavour} kernel; probe the host again"
    )]
    Inactive {
        /// The class the guest was set up for.
        class: HostClass,
        /// The kernel flavour the guest was set up for.
        flavour: KernelFlavour,
        /// The instruction's bytes in hexadecimal.
        bytes: String,
    },
    /// The assist does not know the instruction.
    #[error(
        "emulation assist: the host's emulator refused {mnemonic} [{bytes}] at {rip:#x} and the \
         assist does not know it; use a kernel that does not execute it, or clear its CPUID \
         feature with clearcpuid="
    )]
    Unknown {
        /// The instruction's name, or `INVALID`.
        mnemonic: String,
        /// Its bytes in hexadecimal.
        bytes: String,
        /// Where it is.
        rip: u64,
    },
    /// The instruction ran outside 64-bit mode.
    #[error(
        "emulation assist: the host refused [{bytes}] at {rip:#x} outside 64-bit mode, where nothing is assisted"
    )]
    NotLongMode {
        /// The bytes at that place in hexadecimal.
        bytes: String,
        /// Where it is.
        rip: u64,
    },
    /// An operand is not in RAM.
    #[error(
        "emulation assist: the operand at {address:#x} is at guest-physical {physical:#x}, which is not RAM"
    )]
    NotMemory {
        /// The linear address.
        address: u64,
        /// The guest-physical address.
        physical: u64,
    },
    /// The guest enabled more extended state than KVM hands out.
    #[error(
        "emulation assist: component {component} of extended state ends at byte {end}, beyond the \
         4096 that KVM_GET_XSAVE gives; clear amx_tile in the guest's CPUID"
    )]
    StateTooLarge {
        /// The number of the component.
        component: usize,
        /// Where it ends.
        end: usize,
    },
    /// An ioctl failed.
    #[error("emulation assist: {call} failed: {source}")]
    Kvm {
        /// The ioctl.
        call: &'static str,
        /// What the kernel answered.
        source: kvm_ioctls::Error,
    },
    /// The host does not know an MSR that an instruction reads.
    #[error("emulation assist: the host does not give MSR {index:#x}")]
    NoMsr {
        /// The MSR.
        index: u32,
    },
}

impl AssistError {
    pub(crate) fn kvm(call: &'static str) -> impl Fn(kvm_ioctls::Error) -> Self {
        move |source| Self::Kvm { call, source }
    }
}
