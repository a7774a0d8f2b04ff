//! What is served: one table of instructions, each with the function that does its work.

mod bits;
#[cfg(test)]
mod differential;
mod exchange;
mod flags;
mod fpu;
mod segments;
mod xsave;

use iced_x86::{Instruction, Mnemonic};

use super::machine::{Machine, Stop};
use super::registers::Registers;

type Work = fn(&Instruction, &mut Registers, &mut dyn Machine) -> Result<(), Stop>;

/// An instruction that the assist completes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    mnemonic: Mnemonic,
    work: Work,
}

impl Entry {
    /// Does the instruction's work, apart from moving RIP.
    pub(crate) fn execute(
        &self,
        instruction: &Instruction,
        registers: &mut Registers,
        machine: &mut dyn Machine,
    ) -> Result<(), Stop> {
        (self.work)(instruction, registers, machine)
    }
}

/// The place of an instruction in [`TABLE`].
pub(crate) fn find(instruction: &Instruction) -> Option<usize> {
    TABLE
        .iter()
        .position(|entry| entry.mnemonic == instruction.mnemonic())
}

/// Everything that is served.
pub(crate) const TABLE: [Entry; 46] = [
    entry("int3", Mnemonic::Int3, flags::breakpoint),
    entry("ud0", Mnemonic::Ud0, flags::undefined),
    entry("ud1", Mnemonic::Ud1, flags::undefined),
    entry("clac", Mnemonic::Clac, flags::access_control),
    entry("stac", Mnemonic::Stac, flags::access_control),
    entry("clwb", Mnemonic::Clwb, flags::write_back),
    entry("rdtscp", Mnemonic::Rdtscp, flags::time_stamp),
    entry("fwait", Mnemonic::Wait, fpu::wait),
    entry("fninit", Mnemonic::Fninit, fpu::reset),
    entry("fnclex", Mnemonic::Fnclex, fpu::reset),
    entry("fnstsw", Mnemonic::Fnstsw, fpu::store_status),
    entry("emms", Mnemonic::Emms, fpu::empty),
    entry("fild", Mnemonic::Fild, fpu::load_integer),
    entry("ldmxcsr", Mnemonic::Ldmxcsr, fpu::mxcsr),
    entry("stmxcsr", Mnemonic::Stmxcsr, fpu::mxcsr),
    entry("xsave", Mnemonic::Xsave, xsave::save),
    entry("xsave64", Mnemonic::Xsave64, xsave::save),
    entry("xsaveopt", Mnemonic::Xsaveopt, xsave::save),
    entry("xsaveopt64", Mnemonic::Xsaveopt64, xsave::save),
    entry("xsavec", Mnemonic::Xsavec, xsave::save),
    entry("xsavec64", Mnemonic::Xsavec64, xsave::save),
    entry("xrstor", Mnemonic::Xrstor, xsave::load),
    entry("xrstor64", Mnemonic::Xrstor64, xsave::load),
    entry("xgetbv", Mnemonic::Xgetbv, xsave::get_control),
    entry("cmpxchg16b", Mnemonic::Cmpxchg16b, exchange::cmpxchg16b),
    entry("lar", Mnemonic::Lar, segments::access_rights),
    entry("lsl", Mnemonic::Lsl, segments::segment_limit),
    entry("verr", Mnemonic::Verr, segments::verify),
    entry("verw", Mnemonic::Verw, segments::verify),
    entry("popcnt", Mnemonic::Popcnt, bits::popcnt),
    entry("andn", Mnemonic::Andn, bits::two_sources),
    entry("bextr", Mnemonic::Bextr, bits::two_sources),
    entry("bzhi", Mnemonic::Bzhi, bits::two_sources),
    entry("shlx", Mnemonic::Shlx, bits::two_sources),
    entry("shrx", Mnemonic::Shrx, bits::two_sources),
    entry("sarx", Mnemonic::Sarx, bits::two_sources),
    entry("pdep", Mnemonic::Pdep, bits::two_sources),
    entry("pext", Mnemonic::Pext, bits::two_sources),
    entry("blsr", Mnemonic::Blsr, bits::one_source),
    entry("blsi", Mnemonic::Blsi, bits::one_source),
    entry("blsmsk", Mnemonic::Blsmsk, bits::one_source),
    entry("rorx", Mnemonic::Rorx, bits::one_source),
    entry("mulx", Mnemonic::Mulx, bits::mulx),
    entry("adcx", Mnemonic::Adcx, bits::add_with_chain),
    entry("adox", Mnemonic::Adox, bits::add_with_chain),
    entry("crc32", Mnemonic::Crc32, bits::crc32),
];

const fn entry(name: &'static str, mnemonic: Mnemonic, work: Work) -> Entry {
    Entry {
        name,
        mnemonic,
        work,
    }
}
