//! Bit counting and manipulation: pure functions, and the instructions made of them.

use iced_x86::{Instruction, Mnemonic, Register};

use crate::assist::machine::{Machine, Stop};
use crate::assist::operand;
use crate::assist::registers::{Registers, flag};

/// A result with the status flags it defines; the others keep their value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) value: u64,
    pub(super) defined: u64,
    pub(super) flags: u64,
}

/// POPCNT r, r/m.
pub(super) fn popcnt(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let length = instruction.op0_register().size();
    let source = operand::read(instruction, 1, length, registers, machine)?;
    finish(instruction, registers, count(source));
    Ok(())
}

/// BMI1 and BMI2 with one source: BLSR, BLSI, BLSMSK, RORX.
pub(super) fn one_source(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let length = instruction.op0_register().size();
    let source = operand::read(instruction, 1, length, registers, machine)?;
    let width = width(length);
    let outcome = match instruction.mnemonic() {
        Mnemonic::Blsr => lowest_reset(source, width),
        Mnemonic::Blsi => lowest_isolated(source, width),
        Mnemonic::Blsmsk => lowest_mask(source, width),
        _ => rotated(source, u32::from(instruction.immediate8()), width),
    };
    finish(instruction, registers, outcome);
    Ok(())
}

/// BMI1 and BMI2 with two sources: ANDN, BEXTR, BZHI, SHLX, SHRX, SARX, PDEP, PEXT.
pub(super) fn two_sources(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let length = instruction.op0_register().size();
    let first = operand::read(instruction, 1, length, registers, machine)?;
    let second = operand::read(instruction, 2, length, registers, machine)?;
    let width = width(length);
    let outcome = match instruction.mnemonic() {
        Mnemonic::Andn => and_not(first, second, width),
        Mnemonic::Bextr => extracted(first, second),
        Mnemonic::Bzhi => high_zeroed(first, second, width),
        Mnemonic::Pdep => unflagged(deposited(first, second)),
        Mnemonic::Pext => unflagged(collected(first, second)),
        mnemonic => shifted(mnemonic, first, second, width),
    };
    finish(instruction, registers, outcome);
    Ok(())
}

/// MULX high, low, r/m: multiplies by RDX and touches no flag.
pub(super) fn mulx(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let (high, low) = (instruction.op0_register(), instruction.op1_register());
    let source = operand::read(instruction, 2, high.size(), registers, machine)?;
    let implicit = if high.size() == 8 {
        Register::RDX
    } else {
        Register::EDX
    };
    let product = u128::from(source) * u128::from(registers.get(implicit));
    let (low_bits, high_bits) = halves(product, width(high.size()));
    // The high half last: it wins when both name the same register.
    registers.set(low, low_bits);
    registers.set(high, high_bits);
    Ok(())
}

/// ADCX and ADOX r, r/m: add with one of two carry chains.
pub(super) fn add_with_chain(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let target = instruction.op0_register();
    let source = operand::read(instruction, 1, target.size(), registers, machine)?;
    let chain = if instruction.mnemonic() == Mnemonic::Adcx {
        flag::CARRY
    } else {
        flag::OVERFLOW
    };
    let carry = u128::from(registers.flags & chain != 0);
    let sum = u128::from(registers.get(target)) + u128::from(source) + carry;
    let (low, high) = halves(sum, width(target.size()));
    registers.set(target, low);
    registers.set_flags(chain, if high == 0 { 0 } else { chain });
    Ok(())
}

/// CRC32 r, r/m with the polynomial of CRC-32C.
pub(super) fn crc32(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let length = instruction
        .memory_size()
        .size()
        .max(match instruction.op1_register() {
            Register::None => 0,
            register => register.size(),
        });
    let source = operand::read(instruction, 1, length, registers, machine)?;
    let target = instruction.op0_register();
    let start = registers.get(target) & u64::from(u32::MAX);
    registers.set(target, checksum(start, &source.to_le_bytes()[..length]));
    Ok(())
}

fn finish(instruction: &Instruction, registers: &mut Registers, outcome: Outcome) {
    registers.set(instruction.op0_register(), outcome.value);
    registers.set_flags(outcome.defined, outcome.flags);
}

fn width(length: usize) -> u32 {
    if length == 8 { 64 } else { 32 }
}

fn ones(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

fn halves(value: u128, width: u32) -> (u64, u64) {
    let mask = u128::from(ones(width));
    let low = u64::try_from(value & mask).unwrap_or_default();
    let high = u64::try_from((value >> width) & mask).unwrap_or_default();
    (low, high)
}

fn unflagged(value: u64) -> Outcome {
    Outcome {
        value,
        defined: 0,
        flags: 0,
    }
}

/// A logical result: SF and ZF of it, CF as given, OF clear.
fn logical(value: u64, carry: bool, width: u32) -> Outcome {
    let value = value & ones(width);
    let sign = if value >> (width - 1) == 1 {
        flag::SIGN
    } else {
        0
    };
    let zero = if value == 0 { flag::ZERO } else { 0 };
    let carry = if carry { flag::CARRY } else { 0 };
    let defined = flag::SIGN | flag::ZERO | flag::CARRY | flag::OVERFLOW;
    Outcome {
        value,
        defined,
        flags: sign | zero | carry,
    }
}

fn count(source: u64) -> Outcome {
    let flags = if source == 0 { flag::ZERO } else { 0 };
    Outcome {
        value: u64::from(source.count_ones()),
        defined: flag::ARITHMETIC,
        flags,
    }
}

fn lowest_reset(source: u64, width: u32) -> Outcome {
    logical(source & source.wrapping_sub(1), source == 0, width)
}

fn lowest_isolated(source: u64, width: u32) -> Outcome {
    logical(source & source.wrapping_neg(), source != 0, width)
}

fn lowest_mask(source: u64, width: u32) -> Outcome {
    logical(source ^ source.wrapping_sub(1), source == 0, width)
}

fn rotated(source: u64, by: u32, width: u32) -> Outcome {
    let by = by % width;
    unflagged(source >> by | source << ((width - by) % width) & ones(width))
}

fn and_not(inverted: u64, source: u64, width: u32) -> Outcome {
    logical(!inverted & source, false, width)
}

fn extracted(source: u64, control: u64) -> Outcome {
    let (start, length) = (control & 0xff, (control >> 8) & 0xff);
    let shifted = if start < 64 { source >> start } else { 0 };
    let value = if length < 64 {
        shifted & ((1 << length) - 1)
    } else {
        shifted
    };
    let zero = if value == 0 { flag::ZERO } else { 0 };
    Outcome {
        value,
        defined: flag::ZERO | flag::CARRY | flag::OVERFLOW,
        flags: zero,
    }
}

fn high_zeroed(source: u64, index: u64, width: u32) -> Outcome {
    let from = index & 0xff;
    let beyond = from >= u64::from(width);
    logical(
        if beyond {
            source
        } else {
            source & ((1 << from) - 1)
        },
        beyond,
        width,
    )
}

fn shifted(mnemonic: Mnemonic, source: u64, by: u64, width: u32) -> Outcome {
    let by = by & u64::from(width - 1);
    let negative = source >> (width - 1) == 1;
    unflagged(match mnemonic {
        Mnemonic::Shlx => source << by & ones(width),
        Mnemonic::Sarx if negative => (source >> by) | (ones(width) & !(ones(width) >> by)),
        _ => source >> by,
    })
}

fn deposited(source: u64, mut mask: u64) -> u64 {
    let (mut value, mut bit) = (0, 0);
    while mask != 0 {
        let place = mask & mask.wrapping_neg();
        if source >> bit & 1 == 1 {
            value |= place;
        }
        mask ^= place;
        bit += 1;
    }
    value
}

fn collected(source: u64, mut mask: u64) -> u64 {
    let (mut value, mut bit) = (0, 0);
    while mask != 0 {
        let place = mask & mask.wrapping_neg();
        if source & place != 0 {
            value |= 1 << bit;
        }
        mask ^= place;
        bit += 1;
    }
    value
}

fn checksum(start: u64, bytes: &[u8]) -> u64 {
    const POLYNOMIAL: u64 = 0x82f6_3b78;
    bytes.iter().fold(start, |sum, byte| {
        (0..8).fold(sum ^ u64::from(*byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 1 { POLYNOMIAL } else { 0 }
        })
    })
}
