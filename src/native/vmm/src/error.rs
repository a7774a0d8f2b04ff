//! Errors of creating and driving a machine.

use std::path::PathBuf;

/// Why a machine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is no KVM on this host.
    #[error(
        "/dev/kvm is not there: {0}; load the kvm modules, or enable (nested) virtualisation for this machine"
    )]
    NoKvm(std::io::Error),
    /// The user may not open KVM.
    #[error("/dev/kvm cannot be opened: {0}; add the user to the group kvm, or run as root")]
    KvmPermission(std::io::Error),
    /// Another KVM API than the one that has been stable since 2007.
    #[error("KVM answers API version {0}, 12 is needed")]
    KvmApi(i32),
    /// The kind of host could not be found out.
    #[error("the kind of host could not be found out: {0}")]
    Probe(#[from] actovisor_quirks::ProbeError),
    /// A value out of its range.
    #[error("{field} is {value}; expected {expected}")]
    InvalidConfig {
        /// Name of the field in the contract.
        field: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        expected: String,
    },
    /// The kernel flavour does not run on this class of host.
    #[error(transparent)]
    Flavour(#[from] actovisor_quirks::IncompatibleFlavour),
    /// The kernel file cannot be read.
    #[error("the kernel {path} cannot be read: {source}")]
    KernelUnreadable {
        /// Of the file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The kernel file is not a kernel, or not all of one.
    #[error("the kernel {path} is not an uncompressed x86-64 ELF kernel: {reason}")]
    KernelInvalid {
        /// Of the file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The root disk cannot be read.
    #[error("the root disk {path} cannot be read: {source}")]
    DiskUnreadable {
        /// Of the file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The root disk has a size that virtio-pmem cannot serve.
    #[error("the root disk {path} has {bytes} bytes; a multiple of 2 MiB above 0 is needed")]
    DiskInvalid {
        /// Of the file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The host gave no memory.
    #[error("{mib} MiB of guest memory cannot be mapped: {source}")]
    NoMemory {
        /// How much was asked for.
        mib: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// A KVM call failed.
    #[error("{call} failed: {source}")]
    Kvm {
        /// Name of the call.
        call: &'static str,
        /// What KVM said.
        source: std::io::Error,
    },
    /// A guest physical address outside of guest memory; a fault of the layout.
    #[error("guest memory cannot be written at {address:#x}: {reason}")]
    Memory {
        /// Guest physical address.
        address: u64,
        /// What was wrong.
        reason: String,
    },
    /// A thread could not be started.
    #[error("the thread {name} cannot be started: {source}")]
    Thread {
        /// Name of the thread.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl CreateError {
    /// The code of the contract in `native.ts`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoKvm(_) => "NO_KVM",
            Self::KvmPermission(_) => "KVM_PERMISSION",
            Self::KvmApi(_) => "KVM_API",
            Self::InvalidConfig { .. } | Self::Flavour(_) => "INVALID_CONFIG",
            Self::KernelUnreadable { .. } => "KERNEL_UNREADABLE",
            Self::KernelInvalid { .. } => "KERNEL_INVALID",
            Self::DiskUnreadable { .. } => "DISK_UNREADABLE",
            Self::DiskInvalid { .. } => "DISK_INVALID",
            Self::NoMemory { .. } => "NO_MEMORY",
            Self::Probe(_) | Self::Kvm { .. } | Self::Memory { .. } | Self::Thread { .. } => {
                "KVM_ERROR"
            }
        }
    }

    /// For `map_err` behind a KVM call.
    pub(crate) fn kvm(call: &'static str) -> impl Fn(kvm_ioctls::Error) -> Self {
        move |error| Self::Kvm {
            call,
            source: std::io::Error::from_raw_os_error(error.errno()),
        }
    }
}

/// Why a machine refused a request.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The connection is unknown or gone.
    #[error("there is no vsock connection {0}")]
    NoConnection(u32),
    /// The request does not fit the state of the machine.
    #[error("{request} is not possible: the machine is {state}")]
    WrongState {
        /// The request.
        request: &'static str,
        /// The state that forbids it.
        state: &'static str,
    },
    /// The machine did not come to rest in time.
    #[error("the vCPU threads did not {what} within {millis} ms")]
    Overrun {
        /// What was waited for.
        what: &'static str,
        /// How long.
        millis: u128,
    },
}

impl MachineError {
    /// The code of the contract in `native.ts`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoConnection(_) => "NO_CONNECTION",
            Self::WrongState { .. } => "WRONG_STATE",
            Self::Overrun { .. } => "KVM_ERROR",
        }
    }
}
