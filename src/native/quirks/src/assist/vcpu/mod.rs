//! The assist's machine: a vCPU that KVM has stopped, and the guest's memory.

mod inject;
mod machine;
mod memory;
mod paging;

pub(super) use inject::{leave_shadow, raise, single_step};
pub(super) use machine::VcpuMachine;
