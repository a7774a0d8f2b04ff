//! The assist's machine: a vCPU that KVM has stopped, and the guest's memory.

mod inject;
mod machine;
mod memory;
mod paging;
mod state;

pub(super) use inject::{leave_shadow, raise, set_fault_address, set_single_step};
pub(super) use machine::VcpuMachine;
pub(super) use state::StateExchange;
