use kvm_bindings::kvm_sregs;

use super::error::AssistError;
use super::xstate::{Layout, XState};

/// What an instruction sees of its processor beyond the general registers.
pub(crate) trait Machine {
    /// Control, segment and table registers.
    fn system(&self) -> &kvm_sregs;
    /// Where extended state lies in memory on this processor.
    fn layout(&self) -> &Layout;
    /// Reads linear memory with the kernel's rights.
    fn read(&mut self, address: u64, buffer: &mut [u8]) -> Result<(), Stop>;
    /// Writes all parts or, when any byte of them faults, none.
    fn write(&mut self, parts: &[(u64, &[u8])]) -> Result<(), Stop>;
    /// Replaces 16 aligned bytes if they hold `expected`; answers what they held.
    fn compare_exchange(&mut self, address: u64, expected: u128, new: u128) -> Result<u128, Stop>;
    /// The extended state in the standard form.
    fn xstate(&mut self) -> Result<XState, Stop>;
    /// Replaces the extended state.
    fn set_xstate(&mut self, state: &XState) -> Result<(), Stop>;
    /// Which components of extended state the guest has enabled.
    fn xcr0(&mut self) -> Result<u64, Stop>;
    /// The guest's value of an MSR.
    fn msr(&mut self, index: u32) -> Result<u64, Stop>;
}

/// Why an instruction did not simply complete.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The exception is raised at the instruction, which has done nothing.
    Fault(Exception),
    /// The exception is raised after the instruction.
    Trap(Exception),
    /// The assist itself cannot go on.
    Failed(AssistError),
}

/// An exception as the hardware raises it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exception {
    pub(crate) vector: u8,
    pub(crate) error_code: Option<u32>,
    /// What a page fault leaves in CR2.
    pub(crate) address: Option<u64>,
}

impl Exception {
    pub(crate) const BREAKPOINT: Self = Self::plain(3);
    pub(crate) const INVALID_OPCODE: Self = Self::plain(6);
    pub(crate) const DEVICE_NOT_AVAILABLE: Self = Self::plain(7);
    pub(crate) const STACK: Self = Self::with_code(12, 0);
    pub(crate) const GENERAL_PROTECTION: Self = Self::with_code(13, 0);
    pub(crate) const FLOATING_POINT: Self = Self::plain(16);
    pub(crate) const DEBUG: Self = Self::plain(1);

    pub(crate) const fn page_fault(address: u64, code: u32) -> Self {
        Self {
            vector: 14,
            error_code: Some(code),
            address: Some(address),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self.vector {
            1 => "#DB",
            3 => "#BP",
            6 => "#UD",
            7 => "#NM",
            12 => "#SS",
            13 => "#GP",
            14 => "#PF",
            16 => "#MF",
            _ => "exception",
        }
    }

    const fn plain(vector: u8) -> Self {
        Self {
            vector,
            error_code: None,
            address: None,
        }
    }

    const fn with_code(vector: u8, code: u32) -> Self {
        Self {
            vector,
            error_code: Some(code),
            address: None,
        }
    }
}

impl From<Exception> for Stop {
    fn from(exception: Exception) -> Self {
        Self::Fault(exception)
    }
}

impl From<AssistError> for Stop {
    fn from(error: AssistError) -> Self {
        Self::Failed(error)
    }
}
