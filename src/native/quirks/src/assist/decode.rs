use iced_x86::{Code, Decoder, DecoderError, DecoderOptions, Instruction};

/// Decodes the instruction at `rip` in 64-bit mode. `None` means that `bytes` end too early.
pub(crate) fn decode(bytes: &[u8], rip: u64) -> Option<Instruction> {
    let mut decoder = Decoder::with_ip(64, bytes, rip, DecoderOptions::NONE);
    let instruction = decoder.decode();
    (decoder.last_error() != DecoderError::NoMoreBytes).then_some(instruction)
}

/// A name for an instruction, for a person to read.
pub(crate) fn name(instruction: Option<&Instruction>) -> String {
    match instruction {
        Some(known) if known.code() != Code::INVALID => {
            format!("{:?}", known.mnemonic()).to_lowercase()
        }
        _ => "INVALID".to_owned(),
    }
}

/// Bytes in hexadecimal, for a person to read.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_instruction_asks_for_more() {
        assert_eq!(decode(&[0xf3, 0x48, 0x0f], 0), None);
        assert_eq!(decode(&[], 0), None);
    }

    #[test]
    fn trailing_bytes_do_not_count() {
        let instruction = decode(&[0x9b, 0xff, 0xff], 0).expect("one byte is enough");
        assert_eq!(instruction.len(), 1);
        assert_eq!(name(Some(&instruction)), "wait");
    }

    #[test]
    fn forms_that_hardware_refuses_are_invalid() {
        // LOCK POPCNT, and XSAVE with a register operand (which is another instruction or none).
        let locked = decode(&[0xf0, 0xf3, 0x48, 0x0f, 0xb8, 0xc3], 0);
        assert_eq!(name(locked.as_ref()), "INVALID");
        assert_eq!(name(None), "INVALID");
    }
}
