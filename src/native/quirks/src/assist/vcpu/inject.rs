use kvm_bindings::{KVM_VCPUEVENT_VALID_SHADOW, kvm_vcpu_events};
use kvm_ioctls::VcpuFd;

use crate::assist::error::AssistError;
use crate::assist::machine::Exception;

const DR6_SINGLE_STEP: u64 = 1 << 14;

/// Has the guest take an exception at its next entry.
pub(in crate::assist) fn raise(events: &mut kvm_vcpu_events, exception: Exception) {
    events.exception.injected = 1;
    events.exception.pending = 0;
    events.exception.nr = exception.vector;
    events.exception.has_error_code = u8::from(exception.error_code.is_some());
    events.exception.error_code = exception.error_code.unwrap_or_default();
    events.exception_has_payload = 0;
    leave_shadow(events);
}

/// Ends the shadow in which STI and loads of SS hold interrupts back: it lasts one instruction.
pub(in crate::assist) fn leave_shadow(events: &mut kvm_vcpu_events) {
    events.flags |= KVM_VCPUEVENT_VALID_SHADOW;
    events.interrupt.shadow = 0;
}

/// Says in CR2 where a page fault was.
pub(in crate::assist) fn set_fault_address(vcpu: &VcpuFd, address: u64) -> Result<(), AssistError> {
    let mut sregs = vcpu
        .get_sregs()
        .map_err(AssistError::kvm("KVM_GET_SREGS"))?;
    sregs.cr2 = address;
    vcpu.set_sregs(&sregs)
        .map_err(AssistError::kvm("KVM_SET_SREGS"))
}

/// Says in DR6 that a debug trap is one of RFLAGS.TF.
pub(in crate::assist) fn set_single_step(vcpu: &VcpuFd) -> Result<(), AssistError> {
    let mut debug = vcpu
        .get_debug_regs()
        .map_err(AssistError::kvm("KVM_GET_DEBUGREGS"))?;
    debug.dr6 |= DR6_SINGLE_STEP;
    vcpu.set_debug_regs(&debug)
        .map_err(AssistError::kvm("KVM_SET_DEBUGREGS"))
}
