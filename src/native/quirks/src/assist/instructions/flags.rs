//! Instructions that change a flag or nothing at all.

use iced_x86::{Instruction, Mnemonic};

use crate::assist::machine::{Exception, Machine, Stop};
use crate::assist::operand;
use crate::assist::registers::{Registers, flag};

/// CLAC and STAC: valid in kernel mode whatever CR4.SMAP says.
pub(super) fn access_control(
    instruction: &Instruction,
    registers: &mut Registers,
    _machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let set = instruction.mnemonic() == Mnemonic::Stac;
    let value = if set { flag::ALIGNMENT_CHECK } else { 0 };
    registers.set_flags(flag::ALIGNMENT_CHECK, value);
    Ok(())
}

/// CLWB: the host's caches are coherent, so only the operand's address matters.
pub(super) fn write_back(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let address = operand::address(instruction, 0, 1, registers, machine)?;
    machine.read(address, &mut [0])
}

/// INT3: a breakpoint trap, with RIP behind it.
pub(super) fn breakpoint(
    _instruction: &Instruction,
    _registers: &mut Registers,
    _machine: &mut dyn Machine,
) -> Result<(), Stop> {
    Err(Stop::Trap(Exception::BREAKPOINT))
}

/// UD0 and UD1: what they are for.
pub(super) fn undefined(
    _instruction: &Instruction,
    _registers: &mut Registers,
    _machine: &mut dyn Machine,
) -> Result<(), Stop> {
    Err(Exception::INVALID_OPCODE.into())
}

/// RDTSCP: the guest's time stamp counter and its processor id.
pub(super) fn time_stamp(
    _instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    const TIME_STAMP_COUNTER: u32 = 0x10;
    const TSC_AUX: u32 = 0xc000_0103;
    let auxiliary = machine.msr(TSC_AUX)?;
    let now = machine.msr(TIME_STAMP_COUNTER)?;
    registers.set_edx_eax(now);
    registers.set(iced_x86::Register::ECX, auxiliary);
    Ok(())
}
