//! Runs each instruction on the processor at hand and in the assist, and compares all they leave.

use iced_x86::Register;
use kvm_bindings::{kvm_regs, kvm_sregs};

use super::{TABLE, find};
use crate::assist::decode::decode;
use crate::assist::error::AssistError;
use crate::assist::machine::{Machine, Stop};
use crate::assist::registers::{Registers, flag};
use crate::assist::xstate::{HEADER, Layout, XState};
use random::Random;

/// x87, SSE, AVX and AVX-512: what a test process may load freely.
const COMPONENTS: u64 = 0xe7;
const SCRATCH: usize = 4096;

/// Everything an instruction starts from and leaves; the assembly below knows the offsets.
#[repr(C, align(64))]
#[derive(Clone)]
struct Context {
    rax: u64,
    rcx: u64,
    rdx: u64,
    r8: u64,
    flags: u64,
    components: u64,
    _padding: [u64; 2],
    state: [u8; XState::BYTES],
    own: [u8; XState::BYTES],
    scratch: [u8; SCRATCH],
}

/// Defines a function that runs one instruction in a context, with RSI at the scratch memory, and
/// answers its function and its bytes.
macro_rules! instruction {
    ($label:literal, $text:literal) => {{
        #[unsafe(naked)]
        unsafe extern "C" fn run(_context: *mut Context) {
            std::arch::naked_asm!(
                "mov eax, [rdi + 40]",
                "xor edx, edx",
                "xsave64 [rdi + 64 + 4096]",
                "xrstor64 [rdi + 64]",
                "lea rsi, [rdi + 64 + 8192]",
                "mov rax, [rdi]",
                "mov rcx, [rdi + 8]",
                "mov rdx, [rdi + 16]",
                "mov r8, [rdi + 24]",
                "push qword ptr [rdi + 32]",
                "popfq",
                concat!(".globl differential_start_", $label),
                concat!("differential_start_", $label, ":"),
                $text,
                concat!(".globl differential_end_", $label),
                concat!("differential_end_", $label, ":"),
                "pushfq",
                "pop qword ptr [rdi + 32]",
                "cld",
                "mov [rdi], rax",
                "mov [rdi + 8], rcx",
                "mov [rdi + 16], rdx",
                "mov [rdi + 24], r8",
                "mov eax, [rdi + 40]",
                "xor edx, edx",
                "xsave64 [rdi + 64]",
                "xrstor64 [rdi + 64 + 4096]",
                "ret",
            );
        }
        unsafe extern "C" {
            #[link_name = concat!("differential_start_", $label)]
            static START: u8;
            #[link_name = concat!("differential_end_", $label)]
            static END: u8;
        }
        let (start, end) = (&raw const START, &raw const END);
        // SAFETY: both labels are in the function above, the second one behind the first.
        let code = unsafe { std::slice::from_raw_parts(start, end.offset_from_unsigned(start)) };
        Case {
            name: $text,
            code,
            run,
        }
    }};
}

struct Case {
    name: &'static str,
    code: &'static [u8],
    run: unsafe extern "C" fn(*mut Context),
}

impl Case {
    /// Compares `rounds` runs from random contexts; flags outside `flags` may differ.
    fn agrees(&self, flags: u64, prepare: impl Fn(&mut Context, &mut Random)) {
        let mut random = Random::new();
        for round in 0..100 {
            let mut before = random.context();
            prepare(&mut before, &mut random);
            let mut real = Box::new(before.clone());
            // SAFETY: the function stays within the context and restores the state it changes.
            unsafe { (self.run)(&raw mut *real) };
            let mut served = Served::new(before, &raw const real.scratch as u64);
            served.execute(self);
            served.compare(&real, flags, &format!("{} in round {round}", self.name));
        }
    }
}

/// A machine whose memory is the scratch of a context.
struct Served {
    context: Context,
    state: XState,
    origin: u64,
    layout: Layout,
    system: kvm_sregs,
}

impl Served {
    fn new(context: Context, origin: u64) -> Self {
        let state = XState {
            bytes: context.state,
        };
        let system = kvm_sregs {
            cr0: 0x8005_0033,
            cr4: 0x4_0620,
            ..Default::default()
        };
        Self {
            context,
            state,
            origin,
            layout: Layout::of_host(),
            system,
        }
    }

    fn execute(&mut self, case: &Case) {
        let Context {
            rax,
            rcx,
            rdx,
            r8,
            flags,
            ..
        } = self.context;
        let rip = case.code.as_ptr() as u64;
        let regs = kvm_regs {
            rax,
            rcx,
            rdx,
            r8,
            rsi: self.origin,
            rflags: flags,
            rip,
            ..Default::default()
        };
        let mut registers = Registers::from(&regs);
        let instruction = decode(case.code, rip).expect("the assembler gave a whole instruction");
        assert_eq!(instruction.len(), case.code.len(), "{}", case.name);
        let index = find(&instruction).expect("the instruction is served");
        TABLE[index]
            .execute(&instruction, &mut registers, self)
            .unwrap_or_else(|stop| panic!("{}: {stop:?}", case.name));
        self.context.rax = registers.get(Register::RAX);
        self.context.rcx = registers.get(Register::RCX);
        self.context.rdx = registers.get(Register::RDX);
        self.context.r8 = registers.get(Register::R8);
        self.context.flags = registers.flags;
    }

    fn compare(&self, real: &Context, flags: u64, name: &str) {
        let general = |c: &Context| [c.rax, c.rcx, c.rdx, c.r8];
        assert_eq!(
            general(&self.context),
            general(real),
            "general registers after {name}"
        );
        let differing = (self.context.flags ^ real.flags) & flags;
        assert_eq!(differing, 0, "flags after {name}");
        let scratch = self
            .context
            .scratch
            .iter()
            .zip(&real.scratch)
            .position(|(a, b)| a != b);
        assert_eq!(scratch, None, "first differing byte of memory after {name}");
        // The data pointer is left to the processor: some set it at exceptions only.
        let compared = (0..XState::DATA_POINTER).chain(XState::MXCSR..XState::SSE_REGISTERS.end);
        let extended = self
            .layout
            .standard(COMPONENTS)
            .flat_map(|(_, place)| place);
        let differing = compared
            .chain(extended)
            .find(|at| self.state.bytes[*at] != real.state[*at]);
        assert_eq!(
            differing, None,
            "first differing byte of state after {name}"
        );
    }

    fn place(&self, address: u64, length: usize) -> usize {
        let at = usize::try_from(address - self.origin).expect("within scratch");
        assert!(at + length <= SCRATCH, "access at {at} of {length} bytes");
        at
    }
}

impl Machine for Served {
    fn system(&self) -> &kvm_sregs {
        &self.system
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn read(&mut self, address: u64, buffer: &mut [u8]) -> Result<(), Stop> {
        let at = self.place(address, buffer.len());
        buffer.copy_from_slice(&self.context.scratch[at..at + buffer.len()]);
        Ok(())
    }

    fn write(&mut self, parts: &[(u64, &[u8])]) -> Result<(), Stop> {
        for (address, bytes) in parts {
            let at = self.place(*address, bytes.len());
            self.context.scratch[at..at + bytes.len()].copy_from_slice(bytes);
        }
        Ok(())
    }

    fn compare_exchange(&mut self, address: u64, old: u128, new: u128) -> Result<u128, Stop> {
        let mut bytes = [0; 16];
        self.read(address, &mut bytes)?;
        let found = u128::from_le_bytes(bytes);
        if found == old {
            self.write(&[(address, &new.to_le_bytes())])?;
        }
        Ok(found)
    }

    fn xstate(&mut self) -> Result<XState, Stop> {
        Ok(self.state.clone())
    }

    fn set_xstate(&mut self, state: &XState) -> Result<(), Stop> {
        self.state = state.clone();
        Ok(())
    }

    fn xcr0(&mut self) -> Result<u64, Stop> {
        Ok(COMPONENTS)
    }

    fn msr(&mut self, index: u32) -> Result<u64, Stop> {
        Err(AssistError::NoMsr { index }.into())
    }
}

mod bit_manipulation;
mod extended_state;
mod random;
mod x87;
