//! XSAVE, XSAVEOPT, XSAVEC, XRSTOR and XGETBV.

use iced_x86::{Code, Instruction, Mnemonic, Register};

use crate::assist::error::AssistError;
use crate::assist::machine::{Exception, Machine, Stop};
use crate::assist::operand;
use crate::assist::registers::Registers;
use crate::assist::xstate::{
    BadArea, EXTENDED, HEADER, Header, XState, restore, save_compacted, save_standard,
};

const CR0_TASK_SWITCHED: u64 = 1 << 3;
const CR4_OSXSAVE: u64 = 1 << 18;
const AREA_ALIGNMENT: u64 = 64;

/// XSAVE, XSAVEOPT and XSAVEC m. XSAVEOPT may leave out what did not change and need not.
pub(super) fn save(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let (area, requested) = prologue(instruction, registers, machine)?;
    let state = machine.xstate()?;
    let layout = machine.layout().clone();
    let wide = is_wide(instruction);
    let pieces = if matches!(
        instruction.mnemonic(),
        Mnemonic::Xsavec | Mnemonic::Xsavec64
    ) {
        if !layout.compaction {
            return Err(Exception::INVALID_OPCODE.into());
        }
        save_compacted(&state, &layout, requested, wide)
    } else {
        let mut old = [0; 8];
        machine.read(area + HEADER as u64, &mut old)?;
        save_standard(&state, &layout, requested, u64::from_le_bytes(old), wide)
    };
    let parts: Vec<(u64, &[u8])> = pieces
        .iter()
        .map(|(offset, bytes)| (area + *offset as u64, bytes.as_ref()))
        .collect();
    machine.write(&parts)
}

/// XRSTOR m, in the standard and the compacted form.
pub(super) fn load(
    instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    let (area, requested) = prologue(instruction, registers, machine)?;
    let enabled = machine.xcr0()?;
    let layout = machine.layout().clone();
    let mut header = [0; Header::BYTES];
    machine.read(area + HEADER as u64, &mut header)?;
    let header = Header::parse(&header, enabled, layout.compaction)?;
    let mut state = machine.xstate()?;
    restore(
        &mut state,
        &layout,
        header,
        requested,
        is_wide(instruction),
        |offset, bytes| machine.read(area + offset as u64, bytes),
    )?;
    machine.set_xstate(&state)
}

/// XGETBV: XCR0, or with ECX = 1 the components of it that are in use.
pub(super) fn get_control(
    _instruction: &Instruction,
    registers: &mut Registers,
    machine: &mut dyn Machine,
) -> Result<(), Stop> {
    if machine.system().cr4 & CR4_OSXSAVE == 0 {
        return Err(Exception::INVALID_OPCODE.into());
    }
    let enabled = machine.xcr0()?;
    let value = match registers.get(Register::ECX) {
        0 => enabled,
        1 if machine.layout().in_use => enabled & machine.xstate()?.in_use(),
        _ => return Err(Exception::GENERAL_PROTECTION.into()),
    };
    registers.set_edx_eax(value);
    Ok(())
}

/// What all of them check first; answers the area's address and the components to treat.
fn prologue(
    instruction: &Instruction,
    registers: &Registers,
    machine: &mut dyn Machine,
) -> Result<(u64, u64), Stop> {
    let system = machine.system();
    if system.cr4 & CR4_OSXSAVE == 0 {
        return Err(Exception::INVALID_OPCODE.into());
    }
    if system.cr0 & CR0_TASK_SWITCHED != 0 {
        return Err(Exception::DEVICE_NOT_AVAILABLE.into());
    }
    let area = operand::address(instruction, 0, EXTENDED, registers, machine)?;
    if !area.is_multiple_of(AREA_ALIGNMENT) {
        return Err(Exception::GENERAL_PROTECTION.into());
    }
    let requested = registers.edx_eax() & machine.xcr0()?;
    let beyond = machine
        .layout()
        .standard(requested)
        .find(|(_, place)| place.end > XState::BYTES);
    if let Some((bit, place)) = beyond {
        let component = usize::try_from(bit.trailing_zeros()).unwrap_or_default();
        return Err(AssistError::StateTooLarge {
            component,
            end: place.end,
        }
        .into());
    }
    Ok((area, requested))
}

fn is_wide(instruction: &Instruction) -> bool {
    matches!(
        instruction.code(),
        Code::Xsave64_mem | Code::Xsaveopt64_mem | Code::Xsavec64_mem | Code::Xrstor64_mem
    )
}

impl From<BadArea> for Stop {
    fn from(_: BadArea) -> Self {
        Exception::GENERAL_PROTECTION.into()
    }
}
