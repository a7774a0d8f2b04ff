//! vCPU threads: one for each vCPU, in KVM_RUN or parked.

mod control;
mod kick;
mod run;

pub(crate) use control::Control;
pub(crate) use run::{VcpuParts, spawn_vcpu};
