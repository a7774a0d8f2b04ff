//! Completes the instructions that a host's emulator refuses.

mod decode;
mod error;
mod instructions;
mod machine;
mod operand;
mod refused;
mod registers;
mod vcpu;
mod xstate;

use iced_x86::Instruction;
use kvm_bindings::{kvm_regs, kvm_sync_regs};
use kvm_ioctls::VcpuFd;
use vm_memory::GuestMemoryMmap;

pub use error::AssistError;
pub(crate) use refused::RefusedInstruction;

use crate::profile::GuestProfile;
use decode::{decode, hex};
use instructions::TABLE;
use machine::{Exception, Machine, Stop};
use refused::MAX_INSTRUCTION_BYTES;
use registers::{Registers, flag};
use vcpu::{StateExchange, VcpuMachine, leave_shadow, raise, set_fault_address, set_single_step};
use xstate::Layout;

const EFER_LONG_MODE_ACTIVE: u64 = 1 << 10;

/// Completes refused instructions of one vCPU.
#[derive(Debug, Clone)]
pub struct Assist {
    profile: GuestProfile,
    layout: Layout,
    exchange: StateExchange,
    served: [u64; TABLE.len()],
}

/// An instruction that was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// The instruction.
    pub mnemonic: &'static str,
    /// The exception that it raised, if it did.
    pub exception: Option<&'static str>,
}

impl Assist {
    /// An assist for one vCPU. Where the profile does without, it serves nothing.
    #[must_use]
    pub fn new(profile: &GuestProfile) -> Self {
        Self {
            profile: *profile,
            layout: Layout::of_host(),
            exchange: StateExchange::default(),
            served: [0; TABLE.len()],
        }
    }

    /// Completes the instruction for which the last KVM_RUN ended with KVM_EXIT_INTERNAL_ERROR.
    /// After an error nothing of the guest has changed, and the VM cannot go on.
    pub fn serve(
        &mut self,
        vcpu: &mut VcpuFd,
        memory: &GuestMemoryMmap<()>,
    ) -> Result<Served, AssistError> {
        let refused = RefusedInstruction::read(vcpu.get_kvm_run());
        if !refused.is_emulation_failure() {
            let RefusedInstruction {
                exit_reason,
                suberror,
                ..
            } = refused;
            return Err(AssistError::NotRefused {
                exit_reason,
                suberror,
            });
        }
        if !self.profile.assist {
            let GuestProfile { class, flavour, .. } = self.profile;
            return Err(AssistError::Inactive {
                class,
                flavour,
                bytes: hex(refused.bytes()),
            });
        }
        let mut state = self.exchange.read(vcpu)?;
        let mut registers = Registers::from(&state.regs);
        let user_access_allowed = registers.flags & flag::ALIGNMENT_CHECK != 0;
        let mut machine =
            VcpuMachine::new(vcpu, memory, &self.layout, state.sregs, user_access_allowed);
        let (index, instruction) = recognise(&refused, &registers, &mut machine)?;
        let entry = &TABLE[index];
        let outcome = entry.execute(&instruction, &mut registers, &mut machine);
        let exception = conclude(outcome, vcpu, &mut state, registers, &instruction)?;
        let shadow = state.events.interrupt.shadow != 0;
        match exception {
            Some(exception) => raise(&mut state.events, exception),
            None => leave_shadow(&mut state.events),
        }
        self.exchange
            .write(vcpu, &state, shadow || exception.is_some())?;
        self.served[index] += 1;
        Ok(Served {
            mnemonic: entry.name,
            exception: exception.map(Exception::name),
        })
    }

    /// Gives KVM what [`serve`](Self::serve) may have left for the next KVM_RUN to take over:
    /// needed before anything else reads or sets the vCPU's registers or events.
    pub fn settle(&self, vcpu: &mut VcpuFd) -> Result<(), AssistError> {
        self.exchange.settle(vcpu)
    }

    /// How often each instruction was served, those that never were left out.
    pub fn served(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = TABLE.iter().zip(self.served);
        counts
            .map(|(entry, count)| (entry.name, count))
            .filter(|(_, count)| *count > 0)
    }
}

/// Finds what the instruction is, reading it again where the host gave only part of it.
fn recognise(
    refused: &RefusedInstruction,
    registers: &Registers,
    machine: &mut VcpuMachine<'_>,
) -> Result<(usize, Instruction), AssistError> {
    let rip = registers.rip;
    let system = machine.system();
    if system.cs.l == 0 || system.efer & EFER_LONG_MODE_ACTIVE == 0 {
        return Err(AssistError::NotLongMode {
            bytes: hex(refused.bytes()),
            rip,
        });
    }
    let mut fetched = [0; MAX_INSTRUCTION_BYTES];
    let mut bytes = refused.bytes();
    let mut instruction = decode(bytes, rip);
    if instruction.is_none() {
        let length = machine.fetch(rip, &mut fetched);
        bytes = &fetched[..length];
        instruction = decode(bytes, rip);
    }
    let known = instruction.and_then(|found| Some((instructions::find(&found)?, found)));
    known.ok_or_else(|| AssistError::Unknown {
        mnemonic: decode::name(instruction.as_ref()),
        bytes: hex(&bytes[..instruction.map_or(bytes.len(), |found| found.len().min(bytes.len()))]),
        rip,
    })
}

/// Puts the registers where an instruction leaves them; answers the exception to raise there.
fn conclude(
    outcome: Result<(), Stop>,
    vcpu: &VcpuFd,
    state: &mut kvm_sync_regs,
    mut registers: Registers,
    instruction: &Instruction,
) -> Result<Option<Exception>, AssistError> {
    let exception = match outcome {
        Ok(()) if state.regs.rflags & flag::TRAP != 0 => {
            set_single_step(vcpu)?;
            Some(Exception::DEBUG)
        }
        Ok(()) => None,
        Err(Stop::Trap(exception)) => Some(exception),
        Err(Stop::Fault(exception)) => {
            if let Some(address) = exception.address {
                set_fault_address(vcpu, address)?;
            }
            // A fault leaves the registers as they were; hardware pushes it with RF set.
            state.regs.rflags |= flag::RESUME;
            return Ok(Some(exception));
        }
        Err(Stop::Failed(error)) => return Err(error),
    };
    registers.rip = instruction.next_ip();
    registers.flags &= !flag::RESUME;
    state.regs = kvm_regs::from(&registers);
    Ok(exception)
}
