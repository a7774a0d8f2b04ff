use iced_x86::{Instruction, OpKind, Register};

use super::machine::{Exception, Machine, Stop};
use super::registers::Registers;

/// The linear address of a memory operand of `length` bytes, checked to be canonical.
pub(crate) fn address(
    instruction: &Instruction,
    operand: u32,
    length: usize,
    registers: &Registers,
    machine: &dyn Machine,
) -> Result<u64, Stop> {
    let system = machine.system();
    let value = instruction.virtual_address(operand, 0, |register, _, _| match register {
        Register::FS => Some(system.fs.base),
        Register::GS => Some(system.gs.base),
        // 64-bit mode gives every other segment the base 0.
        Register::CS | Register::DS | Register::ES | Register::SS => Some(0),
        general if general.is_gpr() => Some(registers.get(general)),
        _ => None,
    });
    let Some(start) = value else {
        return Err(Exception::INVALID_OPCODE.into());
    };
    let last = start.wrapping_add(length.saturating_sub(1) as u64);
    if canonical(start, system.cr4) && canonical(last, system.cr4) && start <= last {
        return Ok(start);
    }
    match instruction.memory_segment() {
        Register::SS => Err(Exception::STACK.into()),
        _ => Err(Exception::GENERAL_PROTECTION.into()),
    }
}

/// Reads an operand of `length` bytes, at most 8, zero-extended.
pub(crate) fn read(
    instruction: &Instruction,
    operand: u32,
    length: usize,
    registers: &Registers,
    machine: &mut dyn Machine,
) -> Result<u64, Stop> {
    match instruction.op_kind(operand) {
        OpKind::Register => Ok(registers.get(instruction.op_register(operand))),
        OpKind::Memory => {
            let address = address(instruction, operand, length, registers, machine)?;
            let mut bytes = [0; 8];
            machine.read(address, &mut bytes[..length])?;
            Ok(u64::from_le_bytes(bytes))
        }
        _ => Ok(instruction.immediate(operand)),
    }
}

fn canonical(address: u64, cr4: u64) -> bool {
    const LA57: u64 = 1 << 12;
    let bits = if cr4 & LA57 == 0 { 48 } else { 57 };
    let upper = address >> (bits - 1);
    upper == 0 || upper == u64::MAX >> (bits - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_addresses_end_where_the_paging_mode_says() {
        assert!(canonical(0x7fff_ffff_ffff, 0));
        assert!(!canonical(0x8000_0000_0000, 0));
        assert!(canonical(0xffff_8000_0000_0000, 0));
        assert!(canonical(0x8000_0000_0000, 1 << 12));
        assert!(!canonical(0x100_0000_0000_0000, 1 << 12));
    }
}
