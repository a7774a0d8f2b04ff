//! The x87 and SSE control instructions that a kernel executes.

use iced_x86::{Instruction, Mnemonic};

use crate::assist::machine::{Exception, Machine, Stop};
use crate::assist::operand;
use crate::assist::registers::Registers;
use crate::assist::xstate::{XState, component};

const CR0_MONITOR: u64 = 1 << 1;
const CR0_EMULATION: u64 = 1 << 2;
const CR0_TASK_SWITCHED: u64 = 1 << 3;
const CR4_OSFXSR: u64 = 1 << 9;
/// In the status word: an exception that the control word does not mask is pending.
const ERROR_SUMMARY: u16 = 1 << 7;
const TOP_SHIFT: u32 = 11;

/// FWAIT: raises what is pending.
pub(super) fn wait(
    _instruction: &Instruction,
    _registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let cr0 = machine.system().cr0;
    if cr0 & CR0_MONITOR != 0 && cr0 & CR0_TASK_SWITCHED != 0 {
        return Err(Exception::DEVICE_NOT_AVAILABLE.into());
    }
    let state = machine.xstate()?;
    raise_pending(&state)
}

/// FNINIT and FNCLEX: neither waits for what is pending.
pub(super) fn reset(
    instruction: &Instruction,
    _registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    require_x87(machine)?;
    let mut state = machine.xstate()?;
    if instruction.mnemonic() == Mnemonic::Fninit {
        state.reset_x87();
    } else {
        let kept = state.u16(XState::STATUS_WORD) & 0x7f00;
        state.set(XState::STATUS_WORD, &kept.to_le_bytes());
    }
    state.mark_in_use(component::X87);
    machine.set_xstate(&state)
}

/// FNSTSW AX or m16.
pub(super) fn store_status(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    require_x87(machine)?;
    let status = machine.xstate()?.u16(XState::STATUS_WORD);
    if instruction.op0_register() == iced_x86::Register::AX {
        registers.set(iced_x86::Register::AX, u64::from(status));
        return Ok(());
    }
    let address = operand::address(instruction, 0, 2, registers, machine)?;
    machine.write(&[(address, &status.to_le_bytes())])
}

/// EMMS: marks every x87 register empty and, as every MMX instruction, resets the top.
pub(super) fn empty(
    _instruction: &Instruction,
    _registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    if machine.system().cr0 & CR0_EMULATION != 0 {
        return Err(Exception::INVALID_OPCODE.into());
    }
    require_x87(machine)?;
    let mut state = machine.xstate()?;
    raise_pending(&state)?;
    state.reset_x87_top();
    state.set(XState::TAG_WORD, &[0]);
    state.mark_in_use(component::X87);
    machine.set_xstate(&state)
}

/// FILD m16, m32 and m64: kernels use it to overwrite the x87 pointers.
pub(super) fn load_integer(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    require_x87(machine)?;
    let mut state = machine.xstate()?;
    raise_pending(&state)?;
    let length = instruction.memory_size().size();
    let address = operand::address(instruction, 0, length, registers, machine)?;
    let mut bytes = [0; 8];
    machine.read(address, &mut bytes[..length])?;
    let unused = 64 - 8 * length;
    push(
        &mut state,
        extended(i64::from_le_bytes(bytes) << unused >> unused),
    );
    state.set(XState::INSTRUCTION_POINTER, &registers.rip.to_le_bytes());
    state.set(XState::DATA_POINTER, &address.to_le_bytes());
    state.mark_in_use(component::X87);
    machine.set_xstate(&state)
}

/// LDMXCSR and STMXCSR m32.
pub(super) fn mxcsr(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let system = machine.system();
    if system.cr0 & CR0_EMULATION != 0 || system.cr4 & CR4_OSFXSR == 0 {
        return Err(Exception::INVALID_OPCODE.into());
    }
    if system.cr0 & CR0_TASK_SWITCHED != 0 {
        return Err(Exception::DEVICE_NOT_AVAILABLE.into());
    }
    let address = operand::address(instruction, 0, 4, registers, machine)?;
    let mut state = machine.xstate()?;
    if instruction.mnemonic() == Mnemonic::Stmxcsr {
        return machine.write(&[(address, &state.u32(XState::MXCSR).to_le_bytes())]);
    }
    let mut bytes = [0; 4];
    machine.read(address, &mut bytes)?;
    if u32::from_le_bytes(bytes) & !state.mxcsr_mask() != 0 {
        return Err(Exception::GENERAL_PROTECTION.into());
    }
    state.set(XState::MXCSR, &bytes);
    state.mark_in_use(component::SSE);
    machine.set_xstate(&state)
}

fn require_x87(machine: &dyn Machine) -> Result<(), Stop> {
    if machine.system().cr0 & (CR0_EMULATION | CR0_TASK_SWITCHED) != 0 {
        return Err(Exception::DEVICE_NOT_AVAILABLE.into());
    }
    Ok(())
}

fn raise_pending(state: &XState) -> Result<(), Stop> {
    if state.u16(XState::STATUS_WORD) & ERROR_SUMMARY != 0 {
        return Err(Exception::FLOATING_POINT.into());
    }
    Ok(())
}

/// Pushes a value onto the x87 stack; a full stack overflows into the indefinite value.
fn push(state: &mut XState, value: [u8; 10]) {
    const INVALID_STACK_OVERFLOW: u16 = 0x0241; // IE, SF, C1
    const C1: u16 = 0x0200;
    const INDEFINITE: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff];
    let status = state.u16(XState::STATUS_WORD);
    let top = (status >> TOP_SHIFT).wrapping_sub(1) & 7;
    let tags = state.bytes[XState::TAG_WORD];
    let full = tags >> top & 1 == 1;
    let masked = state.u16(XState::CONTROL_WORD) & 1 == 1;
    if full && !masked {
        let pending = status | INVALID_STACK_OVERFLOW | ERROR_SUMMARY | 1 << 15;
        state.set(XState::STATUS_WORD, &pending.to_le_bytes());
        return;
    }
    let raised = if full { INVALID_STACK_OVERFLOW } else { 0 };
    let status = status & !(7 << TOP_SHIFT) & !C1 | top << TOP_SHIFT | raised;
    state.set(XState::STATUS_WORD, &status.to_le_bytes());
    state.bytes[XState::TAG_WORD] = tags | 1 << top;
    // FXSAVE keeps the registers in stack order, so that a push moves all of them.
    let registers = XState::X87_REGISTERS;
    state.bytes[registers.clone()].rotate_right(XState::X87_STRIDE);
    state.set(registers.start, &if full { INDEFINITE } else { value });
}

/// An integer in the 80-bit format.
fn extended(value: i64) -> [u8; 10] {
    let mut bytes = [0; 10];
    if value == 0 {
        return bytes;
    }
    let magnitude = value.unsigned_abs();
    let shift = magnitude.leading_zeros();
    let exponent = u16::try_from(16_383 + 63 - shift).unwrap_or_default();
    let sign = if value < 0 { 0x8000 } else { 0 };
    bytes[..8].copy_from_slice(&(magnitude << shift).to_le_bytes());
    bytes[8..].copy_from_slice(&(exponent | sign).to_le_bytes());
    bytes
}
