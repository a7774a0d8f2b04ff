use iced_x86::{Instruction, Register};

use crate::assist::machine::{Exception, Machine, Stop};
use crate::assist::operand;
use crate::assist::registers::{Registers, flag};

const OPERAND_BYTES: usize = 16;

/// CMPXCHG16B m128, atomic with or without LOCK.
pub(super) fn cmpxchg16b(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let address = operand::address(instruction, 0, OPERAND_BYTES, registers, machine)?;
    if !address.is_multiple_of(OPERAND_BYTES as u64) {
        return Err(Exception::GENERAL_PROTECTION.into());
    }
    let expected = pair(registers, Register::RDX, Register::RAX);
    let new = pair(registers, Register::RCX, Register::RBX);
    let found = machine.compare_exchange(address, expected, new)?;
    if found == expected {
        registers.set_flags(flag::ZERO, flag::ZERO);
        return Ok(());
    }
    registers.set_flags(flag::ZERO, 0);
    let bytes = found.to_le_bytes();
    let halves = bytes.as_chunks::<8>().0;
    registers.set(Register::RAX, u64::from_le_bytes(halves[0]));
    registers.set(Register::RDX, u64::from_le_bytes(halves[1]));
    Ok(())
}

fn pair(registers: &Registers, high: Register, low: Register) -> u128 {
    u128::from(registers.get(high)) << 64 | u128::from(registers.get(low))
}
