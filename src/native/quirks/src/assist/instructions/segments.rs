//! LAR, LSL, VERR and VERW: what a selector would give.

use iced_x86::{Instruction, Mnemonic, OpKind};
use kvm_bindings::kvm_sregs;

use crate::assist::machine::{Machine, Stop};
use crate::assist::operand;
use crate::assist::registers::{Registers, flag};

/// The access byte and flags of a descriptor's upper half, as LAR gives them.
const ACCESS_RIGHTS: u64 = 0x00f0_ff00;

/// LAR r, r/m16.
pub(super) fn access_rights(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let found = descriptor(instruction, 1, registers, machine)?;
    let rights = found
        .filter(|d| d.is_visible(&[0x2, 0x9, 0xb, 0xc]))
        .map(|d| (d.0 >> 32) & ACCESS_RIGHTS);
    answer(instruction, registers, rights);
    Ok(())
}

/// LSL r, r/m16.
pub(super) fn segment_limit(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let found = descriptor(instruction, 1, registers, machine)?;
    let limit = found
        .filter(|d| d.is_visible(&[0x2, 0x9, 0xb]))
        .map(|d| d.limit());
    answer(instruction, registers, limit);
    Ok(())
}

/// VERR and VERW r/m16.
pub(super) fn verify(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let found = descriptor(instruction, 0, registers, machine)?;
    let write = instruction.mnemonic() == Mnemonic::Verw;
    let usable = found.is_some_and(|d| {
        d.is_visible(&[])
            && if write {
                d.is_writable()
            } else {
                d.is_readable()
            }
    });
    registers.set_flags(flag::ZERO, if usable { flag::ZERO } else { 0 });
    Ok(())
}

fn answer(instruction: &Instruction, registers: &mut Registers, value: Option<u64>) {
    if let Some(value) = value {
        registers.set(instruction.op0_register(), value);
    }
    registers.set_flags(flag::ZERO, if value.is_some() { flag::ZERO } else { 0 });
}

/// A segment descriptor with the requested privilege level of the selector that named it.
#[derive(Debug, Clone, Copy)]
struct Descriptor(u64, u64);

impl Descriptor {
    /// Whether kernel mode may look at it: a code or data segment, or one of the system types.
    fn is_visible(self, system_types: &[u64]) -> bool {
        if !self.is_segment() {
            return system_types.contains(&self.kind()) && self.1 <= self.privilege();
        }
        let conforming = self.kind() & 0b1100 == 0b1100;
        conforming || self.1 <= self.privilege()
    }

    fn is_segment(self) -> bool {
        self.0 >> 44 & 1 == 1
    }

    fn is_code(self) -> bool {
        self.kind() & 0b1000 != 0
    }

    fn is_readable(self) -> bool {
        !self.is_code() || self.kind() & 0b10 != 0
    }

    fn is_writable(self) -> bool {
        !self.is_code() && self.kind() & 0b10 != 0
    }

    fn kind(self) -> u64 {
        self.0 >> 40 & 0xf
    }

    fn privilege(self) -> u64 {
        self.0 >> 45 & 3
    }

    fn limit(self) -> u64 {
        let raw = self.0 & 0xffff | self.0 >> 32 & 0xf_0000;
        let page_granular = self.0 >> 55 & 1 == 1;
        if page_granular {
            raw << 12 | 0xfff
        } else {
            raw
        }
    }
}

/// The descriptor that the selector in an operand names, if there is one.
fn descriptor(
    instruction: &Instruction,
    operand: u32,
    registers: &Registers,
    machine: &mut dyn Machine,
) -> Result<Option<Descriptor>, Stop> {
    let length = match instruction.op_kind(operand) {
        OpKind::Register => instruction.op_register(operand).size(),
        _ => 2,
    };
    let selector = operand::read(instruction, operand, length, registers, machine)? & 0xffff;
    let offset = selector & !7;
    let Some(table) = table(machine.system(), selector) else {
        return Ok(None);
    };
    if offset + 7 > table.1 {
        return Ok(None);
    }
    let mut bytes = [0; 8];
    machine.read(table.0.wrapping_add(offset), &mut bytes)?;
    Ok(Some(Descriptor(u64::from_le_bytes(bytes), selector & 3)))
}

/// Base and limit of the table a selector points into; the null selector points nowhere.
fn table(system: &kvm_sregs, selector: u64) -> Option<(u64, u64)> {
    let local = selector & 4 != 0;
    match (local, selector & !3) {
        (false, 0) => None,
        (false, _) => Some((system.gdt.base, u64::from(system.gdt.limit))),
        (true, _) if system.ldt.unusable != 0 || system.ldt.present == 0 => None,
        (true, _) => Some((system.ldt.base, u64::from(system.ldt.limit))),
    }
}
