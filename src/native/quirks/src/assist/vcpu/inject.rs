use kvm_bindings::KVM_VCPUEVENT_VALID_SHADOW;
use kvm_ioctls::VcpuFd;

use crate::assist::error::AssistError;
use crate::assist::machine::Exception;

const DR6_SINGLE_STEP: u64 = 1 << 14;

/// Has the guest take an exception at its next entry.
pub(in crate::assist) fn raise(vcpu: &VcpuFd, exception: Exception) -> Result<(), AssistError> {
    if let Some(address) = exception.address {
        let mut sregs = vcpu
            .get_sregs()
            .map_err(AssistError::kvm("KVM_GET_SREGS"))?;
        sregs.cr2 = address;
        vcpu.set_sregs(&sregs)
            .map_err(AssistError::kvm("KVM_SET_SREGS"))?;
    }
    let mut events = vcpu
        .get_vcpu_events()
        .map_err(AssistError::kvm("KVM_GET_VCPU_EVENTS"))?;
    events.exception.injected = 1;
    events.exception.pending = 0;
    events.exception.nr = exception.vector;
    events.exception.has_error_code = u8::from(exception.error_code.is_some());
    events.exception.error_code = exception.error_code.unwrap_or_default();
    events.exception_has_payload = 0;
    end_shadow(&mut events);
    vcpu.set_vcpu_events(&events)
        .map_err(AssistError::kvm("KVM_SET_VCPU_EVENTS"))
}

/// Ends the shadow in which STI and loads of SS hold interrupts back: it lasts one instruction.
pub(in crate::assist) fn leave_shadow(vcpu: &VcpuFd) -> Result<(), AssistError> {
    let mut events = vcpu
        .get_vcpu_events()
        .map_err(AssistError::kvm("KVM_GET_VCPU_EVENTS"))?;
    if events.interrupt.shadow == 0 {
        return Ok(());
    }
    end_shadow(&mut events);
    vcpu.set_vcpu_events(&events)
        .map_err(AssistError::kvm("KVM_SET_VCPU_EVENTS"))
}

/// Raises the debug trap that RFLAGS.TF asks for after an instruction.
pub(in crate::assist) fn single_step(vcpu: &VcpuFd) -> Result<(), AssistError> {
    let mut debug = vcpu
        .get_debug_regs()
        .map_err(AssistError::kvm("KVM_GET_DEBUGREGS"))?;
    debug.dr6 |= DR6_SINGLE_STEP;
    vcpu.set_debug_regs(&debug)
        .map_err(AssistError::kvm("KVM_SET_DEBUGREGS"))?;
    raise(vcpu, Exception::DEBUG)
}

fn end_shadow(events: &mut kvm_bindings::kvm_vcpu_events) {
    events.flags |= KVM_VCPUEVENT_VALID_SHADOW;
    events.interrupt.shadow = 0;
}
