use std::ops::Range;

use kvm_bindings::kvm_xsave;

use super::{HEADER, MXCSR_DEFAULT, component};

const BYTES: usize = 4096;

/// Extended state in the standard form, as KVM hands it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct XState {
    pub(crate) bytes: [u8; BYTES],
}

impl XState {
    pub(crate) const BYTES: usize = BYTES;
    pub(crate) const CONTROL_WORD: usize = 0;
    pub(crate) const STATUS_WORD: usize = 2;
    pub(crate) const TAG_WORD: usize = 4;
    pub(crate) const INSTRUCTION_POINTER: usize = 8;
    pub(crate) const DATA_POINTER: usize = 16;
    pub(crate) const MXCSR: usize = 24;
    pub(crate) const MXCSR_MASK: usize = 28;
    pub(crate) const X87_REGISTERS: Range<usize> = 32..160;
    pub(crate) const SSE_REGISTERS: Range<usize> = 160..416;
    /// One x87 register with its padding.
    pub(crate) const X87_STRIDE: usize = 16;

    pub(crate) fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    pub(crate) fn u32(&self, at: usize) -> u32 {
        u32::from(self.u16(at + 2)) << 16 | u32::from(self.u16(at))
    }

    pub(crate) fn u64(&self, at: usize) -> u64 {
        u64::from(self.u32(at + 4)) << 32 | u64::from(self.u32(at))
    }

    pub(crate) fn set(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// The components that are not in their initial state, as XSAVE sees them: MXCSR counts as SSE.
    pub(crate) fn in_use(&self) -> u64 {
        self.u64(HEADER)
    }

    pub(crate) fn set_in_use(&mut self, components: u64) {
        self.set(HEADER, &components.to_le_bytes());
    }

    /// The bits that MXCSR has on this processor.
    pub(crate) fn mxcsr_mask(&self) -> u32 {
        const WITHOUT_MASK: u32 = 0xffbf;
        match self.u32(Self::MXCSR_MASK) {
            0 => WITHOUT_MASK,
            mask => mask,
        }
    }

    /// Makes the first physical x87 register the top of the stack.
    pub(crate) fn reset_x87_top(&mut self) {
        const TOP: u16 = 7 << 11;
        let status = self.u16(Self::STATUS_WORD);
        let top = usize::from((status & TOP) >> 11);
        // The registers are kept in stack order.
        self.bytes[Self::X87_REGISTERS].rotate_right(top * Self::X87_STRIDE);
        self.set(Self::STATUS_WORD, &(status & !TOP).to_le_bytes());
    }

    /// Resets the x87 environment as FNINIT does; the registers become empty but keep their bytes.
    pub(crate) fn reset_x87(&mut self) {
        self.reset_x87_top();
        self.bytes[Self::CONTROL_WORD..Self::MXCSR].fill(0);
        self.set(Self::CONTROL_WORD, &0x37f_u16.to_le_bytes());
    }

    /// Says that a component holds what was written into it.
    pub(crate) fn mark_in_use(&mut self, components: u64) {
        let sse = if self.u32(Self::MXCSR) == MXCSR_DEFAULT {
            0
        } else {
            component::SSE
        };
        self.set_in_use(self.in_use() | components | sse);
    }
}

impl From<&kvm_xsave> for XState {
    fn from(image: &kvm_xsave) -> Self {
        let mut bytes = [0; BYTES];
        for (target, word) in bytes.chunks_exact_mut(4).zip(image.region) {
            target.copy_from_slice(&word.to_le_bytes());
        }
        Self { bytes }
    }
}

impl From<&XState> for kvm_xsave {
    fn from(state: &XState) -> Self {
        let mut image = Self::default();
        for (word, source) in image.region.iter_mut().zip(state.bytes.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*source);
        }
        image
    }
}
