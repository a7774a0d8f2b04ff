//! What is special about host classes, and nothing else.
//!
//! [`probe`] says which class the host is, [`guest_profile`] what a guest needs there,
//! and [`adjust_cpuid`] changes its CPUID. Every one of them is empty
//! on ordinary KVM. See `docs/quirks/design.md`.

mod assist;
mod class;
mod cpuid;
mod probe;
mod profile;

pub use class::{HostClass, KernelFlavour};
pub use cpuid::adjust_cpuid;
pub use probe::{HostProfile, MicroGuestRun, Observations, ProbeError, decide, observe, probe};
pub use profile::{GuestProfile, IncompatibleFlavour, guest_profile};
