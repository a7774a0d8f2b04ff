//! Tells the host classes apart by a few ioctls and a guest of four instructions.

mod micro_guest;
mod observation;

use kvm_bindings::{Msrs, kvm_msr_entry};
use kvm_ioctls::{Kvm, VcpuFd};

pub use micro_guest::MicroGuestRun;
pub use observation::{Observations, decide};

use crate::class::{HostClass, KernelFlavour};

/// The MSR by which a kvm-pvm host says that it has native mode.
const NATIVE_MODE_MSR: u32 = 0x4b56_4d11;

/// What the probe found out about the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostProfile {
    /// How the host runs guest kernels.
    pub class: HostClass,
    /// What was seen that says so, for a person to read.
    pub evidence: String,
    /// The kernel flavour that this host should run.
    pub flavour: KernelFlavour,
}

/// Why the host could not be classified.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// An ioctl of the probe failed.
    #[error("host probe: {call} failed: {source}; check that /dev/kvm works for other programs")]
    Kvm {
        /// The ioctl.
        call: &'static str,
        /// What the kernel answered.
        source: kvm_ioctls::Error,
    },
    /// The micro-guest's memory could not be mapped or written.
    #[error("host probe: cannot prepare {bytes} bytes of guest memory: {reason}")]
    Memory {
        /// How much was asked for.
        bytes: usize,
        /// What went wrong.
        reason: String,
    },
    /// The micro-guest left KVM in a way that no known host class does.
    #[error(
        "host probe: the micro-guest ended with {exit}, which no known host class does; \
         report it with the host's kernel version"
    )]
    UnexpectedExit {
        /// The exit as seen.
        exit: String,
    },
    /// The micro-guest did not end in time.
    #[error("host probe: the micro-guest of four instructions did not end within {millis} ms")]
    Deadline {
        /// The time it was given.
        millis: u128,
    },
}

/// Finds out the host's class. Leaves no file descriptor, mapping or thread behind.
pub fn probe(kvm: &Kvm) -> Result<HostProfile, ProbeError> {
    let observations = observe(kvm)?;
    let (class, evidence) = decide(&observations);
    Ok(HostProfile {
        class,
        evidence,
        flavour: class.flavour(),
    })
}

/// Gathers what [`decide`] needs to know about the host.
pub fn observe(kvm: &Kvm) -> Result<Observations, ProbeError> {
    let mut guest = micro_guest::MicroGuest::new(kvm)?;
    Ok(Observations {
        native_mode_msr: read_msr(guest.vcpu(), NATIVE_MODE_MSR)?,
        micro_guest: guest.run()?,
    })
}

fn read_msr(vcpu: &VcpuFd, index: u32) -> Result<Option<u64>, ProbeError> {
    let mut msrs = Msrs::from_entries(&[kvm_msr_entry {
        index,
        ..Default::default()
    }])
    .map_err(|error| ProbeError::Memory {
        bytes: 16,
        reason: format!("{error:?}"),
    })?;
    let read = vcpu.get_msrs(&mut msrs).map_err(|source| ProbeError::Kvm {
        call: "KVM_GET_MSRS",
        source,
    })?;
    Ok(msrs
        .as_slice()
        .first()
        .filter(|_| read == 1)
        .map(|entry| entry.data))
}
