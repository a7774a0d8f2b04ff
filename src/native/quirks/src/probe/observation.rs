use super::micro_guest::MicroGuestRun;
use crate::class::HostClass;

/// The answer of the native-mode MSR: "PVM" read as little-endian text.
const NATIVE_MODE_ANSWER: u64 = 0x4d_5650;

/// What the probe saw of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observations {
    /// The value of the native-mode MSR, if the host let it be read.
    pub native_mode_msr: Option<u64>,
    /// How the micro-guest ended.
    pub micro_guest: MicroGuestRun,
}

/// Classifies a host by what was seen of it, with the reason.
#[must_use]
pub fn decide(observations: &Observations) -> (HostClass, String) {
    if observations.native_mode_msr == Some(NATIVE_MODE_ANSWER) {
        let evidence = format!("MSR 0x4b564d11 answers {NATIVE_MODE_ANSWER:#x}");
        return (HostClass::PvmNative, evidence);
    }
    let msr = observations.native_mode_msr.map_or_else(
        || "is absent".to_owned(),
        |value| format!("answers {value:#x}"),
    );
    match &observations.micro_guest {
        MicroGuestRun::Completed => (
            HostClass::Ordinary,
            format!("the hardware ran the micro-guest's kernel mode and MSR 0x4b564d11 {msr}"),
        ),
        MicroGuestRun::Refused { bytes } => (
            HostClass::PvmEmulated,
            format!(
                "the host's emulator refused the instruction {} in kernel mode and MSR 0x4b564d11 {msr}",
                hex(bytes)
            ),
        ),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> MicroGuestRun {
        MicroGuestRun::Refused {
            bytes: vec![0xf3, 0x48, 0x0f, 0xb8, 0xc3],
        }
    }

    #[test]
    fn the_msr_alone_makes_a_host_native() {
        for micro_guest in [MicroGuestRun::Completed, refused()] {
            let seen = Observations {
                native_mode_msr: Some(0x4d_5650),
                micro_guest,
            };
            let (class, evidence) = decide(&seen);
            assert_eq!(class, HostClass::PvmNative);
            assert!(evidence.contains("0x4d5650"), "{evidence}");
        }
    }

    #[test]
    fn a_refused_instruction_makes_a_host_emulated() {
        let seen = Observations {
            native_mode_msr: None,
            micro_guest: refused(),
        };
        let (class, evidence) = decide(&seen);
        assert_eq!(class, HostClass::PvmEmulated);
        assert!(evidence.contains("f3 48 0f b8 c3"), "{evidence}");
        assert!(evidence.contains("is absent"), "{evidence}");
    }

    #[test]
    fn a_completed_guest_makes_a_host_ordinary() {
        let seen = Observations {
            native_mode_msr: None,
            micro_guest: MicroGuestRun::Completed,
        };
        assert_eq!(decide(&seen).0, HostClass::Ordinary);
    }

    #[test]
    fn another_msr_value_is_not_native_mode() {
        let seen = Observations {
            native_mode_msr: Some(0),
            micro_guest: refused(),
        };
        let (class, evidence) = decide(&seen);
        assert_eq!(class, HostClass::PvmEmulated);
        assert!(evidence.contains("answers 0x0"), "{evidence}");
    }
}
