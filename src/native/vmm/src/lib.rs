//! The virtual machine monitor of Actovisor.
//!
//! [`Machine`] is one virtual machine: guest memory, vCPU threads and devices.
//! Everything it tells goes through its [`EventQueue`]; nothing here blocks its
//! caller for longer than a few KVM calls take.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::cast_possible_truncation))]

mod boot;
mod bus;
mod config;
mod cpuid;
mod devices;
mod entropy;
mod error;
mod events;
mod layout;
mod machine;
mod memory;
mod metrics;
mod vcpu;
mod vm;

pub use actovisor_quirks::{GuestProfile, HostClass, HostProfile, KernelFlavour, guest_profile};
pub use config::MachineConfig;
pub use devices::virtio::vsock::ConnectionId;
pub use error::{CreateError, MachineError};
pub use events::{Event, EventQueue, ExitCause, ExitKind};
pub use machine::Machine;
pub use metrics::MetricsSnapshot;
pub use vm::{HostFacts, open_kvm, probe_host};
