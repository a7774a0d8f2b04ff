use super::*;

/// A small generator: the same numbers in every run.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number with few bits more often than chance would have it.
    fn operand(&mut self) -> u64 {
        match self.next() % 4 {
            0 => self.next() & self.next() & self.next(),
            1 => self.next() % 80,
            2 => u64::MAX << (self.next() % 64),
            _ => self.next(),
        }
    }

    fn bytes(&mut self, target: &mut [u8]) {
        for chunk in target.chunks_mut(8) {
            let source = self.next().to_le_bytes();
            chunk.copy_from_slice(&source[..chunk.len()]);
        }
    }

    /// A context whose state is one that the processor itself wrote.
    pub(super) fn context(&mut self) -> Context {
        let mut state = XState {
            bytes: [0; XState::BYTES],
        };
        let status = u16::try_from(self.next() & 0x3800).expect("top of stack only");
        self.bytes(&mut state.bytes[XState::X87_REGISTERS.start..HEADER]);
        for (_, place) in Layout::of_host().standard(COMPONENTS) {
            self.bytes(&mut state.bytes[place]);
        }
        state.set(XState::CONTROL_WORD, &0x37f_u16.to_le_bytes());
        state.set(XState::STATUS_WORD, &status.to_le_bytes());
        state.set(XState::TAG_WORD, &self.next().to_le_bytes()[..1]);
        state.set(XState::MXCSR, &0x1fa1_u32.to_le_bytes());
        state.set_in_use(self.next() & COMPONENTS);
        let mut context = Context {
            rax: self.operand(),
            rcx: self.operand(),
            rdx: self.operand(),
            r8: self.operand(),
            flags: 2 | self.next() & flag::ARITHMETIC,
            components: COMPONENTS,
            _padding: [0; 2],
            state: state.bytes,
            own: [0; XState::BYTES],
            scratch: [0; SCRATCH],
        };
        self.bytes(&mut context.scratch);
        let settle = instruction!("settle", "nop");
        // SAFETY: the function stays within the context and restores the state it changes.
        unsafe { (settle.run)(&raw mut context) };
        context
    }
}
