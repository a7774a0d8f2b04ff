use kvm_bindings::kvm_sync_regs;
use kvm_ioctls::{SyncReg, VcpuFd};

use crate::assist::error::AssistError;

/// The registers and events of a stopped vCPU.
///
/// They are exchanged through the page that KVM shares, since each ioctl of a vCPU costs as much
/// as an exit on the hosts that need the assist. The first exits go by ioctls, to see that KVM
/// does fill the page.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::assist) struct StateExchange {
    asked: bool,
    trusted: bool,
}

impl StateExchange {
    /// Reads the state that the last KVM_RUN left.
    pub(in crate::assist) fn read(
        &mut self,
        vcpu: &mut VcpuFd,
    ) -> Result<kvm_sync_regs, AssistError> {
        if self.trusted {
            return Ok(vcpu.sync_regs());
        }
        let state = kvm_sync_regs {
            regs: vcpu.get_regs().map_err(AssistError::kvm("KVM_GET_REGS"))?,
            sregs: vcpu
                .get_sregs()
                .map_err(AssistError::kvm("KVM_GET_SREGS"))?,
            events: vcpu
                .get_vcpu_events()
                .map_err(AssistError::kvm("KVM_GET_VCPU_EVENTS"))?,
        };
        let shared = vcpu.sync_regs();
        self.trusted = self.asked && shared.regs == state.regs && shared.sregs == state.sregs;
        for register in [
            SyncReg::Register,
            SyncReg::SystemRegister,
            SyncReg::VcpuEvents,
        ] {
            vcpu.set_sync_valid_reg(register);
        }
        self.asked = true;
        Ok(state)
    }

    /// Has the next KVM_RUN begin with changed registers and, where given, changed events.
    pub(in crate::assist) fn write(
        &self,
        vcpu: &mut VcpuFd,
        state: &kvm_sync_regs,
        events: bool,
    ) -> Result<(), AssistError> {
        if !self.trusted {
            vcpu.set_regs(&state.regs)
                .map_err(AssistError::kvm("KVM_SET_REGS"))?;
            if events {
                vcpu.set_vcpu_events(&state.events)
                    .map_err(AssistError::kvm("KVM_SET_VCPU_EVENTS"))?;
            }
            return Ok(());
        }
        let shared = vcpu.sync_regs_mut();
        shared.regs = state.regs;
        shared.events = state.events;
        vcpu.set_sync_dirty_reg(SyncReg::Register);
        if events {
            vcpu.set_sync_dirty_reg(SyncReg::VcpuEvents);
        }
        Ok(())
    }

    /// Gives KVM now what [`write`](Self::write) left for the next KVM_RUN.
    pub(in crate::assist) fn settle(&self, vcpu: &mut VcpuFd) -> Result<(), AssistError> {
        let dirty = vcpu.get_kvm_run().kvm_dirty_regs;
        let shared = vcpu.sync_regs();
        if dirty & u64::from(SyncReg::Register as u32) != 0 {
            vcpu.set_regs(&shared.regs)
                .map_err(AssistError::kvm("KVM_SET_REGS"))?;
            vcpu.clear_sync_dirty_reg(SyncReg::Register);
        }
        if dirty & u64::from(SyncReg::VcpuEvents as u32) != 0 {
            vcpu.set_vcpu_events(&shared.events)
                .map_err(AssistError::kvm("KVM_SET_VCPU_EVENTS"))?;
            vcpu.clear_sync_dirty_reg(SyncReg::VcpuEvents);
        }
        Ok(())
    }
}
