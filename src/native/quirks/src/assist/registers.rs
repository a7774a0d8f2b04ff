use iced_x86::Register;
use kvm_bindings::kvm_regs;

/// The status flags, each at its place in RFLAGS.
pub(crate) mod flag {
    pub(crate) const CARRY: u64 = 1 << 0;
    pub(crate) const PARITY: u64 = 1 << 2;
    pub(crate) const ADJUST: u64 = 1 << 4;
    pub(crate) const ZERO: u64 = 1 << 6;
    pub(crate) const SIGN: u64 = 1 << 7;
    pub(crate) const TRAP: u64 = 1 << 8;
    pub(crate) const OVERFLOW: u64 = 1 << 11;
    pub(crate) const RESUME: u64 = 1 << 16;
    pub(crate) const ALIGNMENT_CHECK: u64 = 1 << 18;
    pub(crate) const ARITHMETIC: u64 = CARRY | PARITY | ADJUST | ZERO | SIGN | OVERFLOW;
}

/// The general registers, RIP and RFLAGS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registers {
    general: [u64; 16],
    pub(crate) rip: u64,
    pub(crate) flags: u64,
}

impl Registers {
    /// The value of a general register of any width, zero-extended.
    pub(crate) fn get(&self, register: Register) -> u64 {
        let value = self.general[index(register)] >> shift(register);
        value & mask(register.size())
    }

    /// Sets a general register; as in hardware, 32 bits clear the upper half and less leaves it.
    pub(crate) fn set(&mut self, register: Register, value: u64) {
        let slot = &mut self.general[index(register)];
        let value = value & mask(register.size());
        *slot = match register.size() {
            4 | 8 => value,
            size => *slot & !(mask(size) << shift(register)) | value << shift(register),
        };
    }

    /// Replaces the flags in `which` by those of `value`.
    pub(crate) fn set_flags(&mut self, which: u64, value: u64) {
        self.flags = self.flags & !which | value & which;
    }

    /// Reads EDX:EAX.
    pub(crate) fn edx_eax(&self) -> u64 {
        self.get(Register::EDX) << 32 | self.get(Register::EAX)
    }

    /// Sets EDX:EAX, clearing the upper halves.
    pub(crate) fn set_edx_eax(&mut self, value: u64) {
        self.set(Register::EAX, value);
        self.set(Register::EDX, value >> 32);
    }
}

fn index(register: Register) -> usize {
    register.full_register().number() & 15
}

fn shift(register: Register) -> u32 {
    match register {
        Register::AH | Register::CH | Register::DH | Register::BH => 8,
        _ => 0,
    }
}

fn mask(size: usize) -> u64 {
    match size {
        1 => 0xff,
        2 => 0xffff,
        4 => 0xffff_ffff,
        _ => u64::MAX,
    }
}

impl From<&kvm_regs> for Registers {
    fn from(r: &kvm_regs) -> Self {
        Self {
            general: [
                r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.r8, r.r9, r.r10, r.r11,
                r.r12, r.r13, r.r14, r.r15,
            ],
            rip: r.rip,
            flags: r.rflags,
        }
    }
}

impl From<&Registers> for kvm_regs {
    fn from(registers: &Registers) -> Self {
        let [
            rax,
            rcx,
            rdx,
            rbx,
            rsp,
            rbp,
            rsi,
            rdi,
            r8,
            r9,
            r10,
            r11,
            r12,
            r13,
            r14,
            r15,
        ] = registers.general;
        let (rip, rflags) = (registers.rip, registers.flags);
        Self {
            rax,
            rcx,
            rdx,
            rbx,
            rsp,
            rbp,
            rsi,
            rdi,
            r8,
            r9,
            r10,
            r11,
            r12,
            r13,
            r14,
            r15,
            rip,
            rflags,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registers() -> Registers {
        let mut registers = Registers::from(&kvm_regs::default());
        registers.set(Register::RBX, 0x1122_3344_5566_7788);
        registers
    }

    #[test]
    fn parts_of_a_register_read_zero_extended() {
        let registers = registers();
        assert_eq!(registers.get(Register::EBX), 0x5566_7788);
        assert_eq!(registers.get(Register::BX), 0x7788);
        assert_eq!(registers.get(Register::BL), 0x88);
        assert_eq!(registers.get(Register::BH), 0x77);
    }

    #[test]
    fn narrow_writes_keep_the_rest_and_32_bits_clear_it() {
        let written = |register, value| {
            let mut registers = registers();
            registers.set(register, value);
            registers.get(Register::RBX)
        };
        assert_eq!(written(Register::BL, 0xfff), 0x1122_3344_5566_77ff);
        assert_eq!(written(Register::BH, 0), 0x1122_3344_5566_0088);
        assert_eq!(written(Register::BX, 0x1_0000), 0x1122_3344_5566_0000);
        assert_eq!(written(Register::EBX, u64::MAX), 0xffff_ffff);
    }

    #[test]
    fn every_register_survives_the_way_to_kvm_and_back() {
        let mut registers = registers();
        for (number, register) in [Register::RAX, Register::RSP, Register::R8, Register::R15]
            .into_iter()
            .enumerate()
        {
            registers.set(register, number as u64 + 1);
        }
        registers.rip = 0x1234;
        registers.flags = 2;
        assert_eq!(Registers::from(&kvm_regs::from(&registers)), registers);
    }
}
