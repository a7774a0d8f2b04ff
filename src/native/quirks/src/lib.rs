//! What is special about host classes, and nothing else.
//!
//! [`probe`] says which class the host is, [`guest_profile`] what a guest needs there,
//! [`adjust_cpuid`] changes its CPUID, and [`Assist`] completes the instructions that an emulating
//! host refuses. On ordinary KVM every one of them is empty. See `docs/quirks/design.md`.

mod assist;
mod class;
mod cpuid;
mod probe;
mod profile;

pub use assist::{Assist, AssistError, Served};
pub use class::{HostClass, KernelFlavour};
pub use cpuid::adjust_cpuid;
pub use probe::{HostProfile, MicroGuestRun, Observations, ProbeError, decide, observe, probe};
pub use profile::{GuestProfile, IncompatibleFlavour, guest_profile};
