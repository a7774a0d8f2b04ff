use kvm_bindings::{
    KVM_EXIT_INTERNAL_ERROR, KVM_INTERNAL_ERROR_EMULATION,
    KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES, kvm_run,
};

/// The longest x86 instruction.
pub(crate) const MAX_INSTRUCTION_BYTES: usize = 15;
/// How many 64-bit words of data the host must have filled for the instruction bytes to be there.
const WORDS_WITH_BYTES: u32 = 3;

/// What KVM says about an instruction that its emulator did not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefusedInstruction {
    pub(crate) exit_reason: u32,
    pub(crate) suberror: u32,
    bytes: [u8; MAX_INSTRUCTION_BYTES],
    length: usize,
}

impl RefusedInstruction {
    /// Reads the answer of the last KVM_RUN; nothing in it is trusted to be in range.
    pub(crate) fn read(run: &kvm_run) -> Self {
        // SAFETY: the kernel filled the union, and its `internal` and `emulation_failure` members
        // are plain integers, for which every bit pattern is valid.
        let failure = unsafe { run.__bindgen_anon_1.emulation_failure };
        // SAFETY: as above; the nested union has a single member of plain bytes.
        let instruction = unsafe { failure.__bindgen_anon_1.__bindgen_anon_1 };
        let flag = u64::from(KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
        let has_bytes = run.exit_reason == KVM_EXIT_INTERNAL_ERROR
            && failure.suberror == KVM_INTERNAL_ERROR_EMULATION
            && failure.ndata >= WORDS_WITH_BYTES
            && failure.flags & flag != 0;
        let length = usize::from(instruction.insn_size).min(MAX_INSTRUCTION_BYTES);
        Self {
            exit_reason: run.exit_reason,
            suberror: failure.suberror,
            bytes: instruction.insn_bytes,
            length: if has_bytes { length } else { 0 },
        }
    }

    /// Whether the exit is a refused instruction at all.
    pub(crate) fn is_emulation_failure(&self) -> bool {
        self.exit_reason == KVM_EXIT_INTERNAL_ERROR && self.suberror == KVM_INTERNAL_ERROR_EMULATION
    }

    /// The bytes the host fetched: perhaps none, perhaps not the whole instruction, perhaps more.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(suberror: u32, ndata: u32, flags: u64, size: u8) -> kvm_run {
        let mut run = kvm_run {
            exit_reason: KVM_EXIT_INTERNAL_ERROR,
            ..Default::default()
        };
        let mut failure = kvm_bindings::kvm_run__bindgen_ty_1__bindgen_ty_14 {
            suberror,
            ndata,
            flags,
            ..Default::default()
        };
        failure.__bindgen_anon_1.__bindgen_anon_1.insn_size = size;
        failure.__bindgen_anon_1.__bindgen_anon_1.insn_bytes = [0x9b; 15];
        run.__bindgen_anon_1.emulation_failure = failure;
        run
    }

    #[test]
    fn bytes_are_taken_as_long_as_the_host_says() {
        let refused = RefusedInstruction::read(&run(1, 4, 1, 3));
        assert!(refused.is_emulation_failure());
        assert_eq!(refused.bytes(), [0x9b; 3]);
    }

    #[test]
    fn a_wild_length_is_cut_to_the_longest_instruction() {
        assert_eq!(
            RefusedInstruction::read(&run(1, 4, 1, 255)).bytes().len(),
            15
        );
    }

    #[test]
    fn bytes_without_their_flag_or_room_are_not_read() {
        assert!(
            RefusedInstruction::read(&run(1, 4, 0, 3))
                .bytes()
                .is_empty()
        );
        assert!(
            RefusedInstruction::read(&run(1, 2, 1, 3))
                .bytes()
                .is_empty()
        );
        assert!(
            RefusedInstruction::read(&run(1, 0, 1, 3))
                .bytes()
                .is_empty()
        );
    }

    #[test]
    fn another_suberror_is_not_a_refused_instruction() {
        let refused = RefusedInstruction::read(&run(3, 4, 1, 3));
        assert!(!refused.is_emulation_failure());
        assert!(refused.bytes().is_empty());
    }
}
