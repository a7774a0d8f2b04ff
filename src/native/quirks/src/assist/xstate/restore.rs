use super::{COMPACTED, EXTENDED, HEADER, Layout, MXCSR_DEFAULT, XState, component};

const WORD: usize = 8;
const HEADER_BYTES: usize = EXTENDED - HEADER;

/// The header of an XSAVE area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// XSTATE_BV: the components the area holds.
    pub(crate) held: u64,
    /// How the area is laid out.
    pub(crate) form: Form,
}

/// The layout of an XSAVE area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Every component at the place CPUID gives.
    Standard,
    /// Only the components of this set, one behind the other.
    Compacted(u64),
}

/// Something in an XSAVE area for which XRSTOR raises #GP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadArea;

impl Header {
    pub(crate) const BYTES: usize = HEADER_BYTES;

    /// Reads a header as XRSTOR does on a processor with the components `enabled`.
    pub(crate) fn parse(
        bytes: &[u8; HEADER_BYTES],
        enabled: u64,
        compaction: bool,
    ) -> Result<Self, BadArea> {
        let words = bytes.as_chunks::<WORD>().0;
        let (held, compacted) = (u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]));
        let zero = |words: &[[u8; WORD]]| words.iter().flatten().all(|byte| *byte == 0);
        if compacted & COMPACTED == 0 {
            // In the standard form XRSTOR looks at the first 24 bytes only.
            let good = held & !enabled == 0 && zero(&words[1..3]);
            return if good {
                Ok(Self {
                    held,
                    form: Form::Standard,
                })
            } else {
                Err(BadArea)
            };
        }
        let set = compacted & !COMPACTED;
        let good = compaction && set & !enabled == 0 && held & !set == 0 && zero(&words[2..]);
        if good {
            Ok(Self {
                held,
                form: Form::Compacted(set),
            })
        } else {
            Err(BadArea)
        }
    }
}

/// Loads the components of `requested` from an area into `state`; what the area does not hold
/// goes to its initial state. `area` gives the bytes of a place.
pub(crate) fn restore<E: From<BadArea>>(
    state: &mut XState,
    layout: &Layout,
    header: Header,
    requested: u64,
    wide: bool,
    mut area: impl FnMut(usize, &mut [u8]) -> Result<(), E>,
) -> Result<(), E> {
    let loaded = requested & header.held;
    let mut fresh = state.clone();
    let wanted = |bit: u64| requested & bit != 0;
    if wanted(component::X87) {
        fresh.reset_x87();
        fresh.bytes[XState::X87_REGISTERS].fill(0);
    }
    if loaded & component::X87 != 0 {
        area(0, &mut fresh.bytes[..XState::MXCSR])?;
        fresh.bytes[XState::TAG_WORD + 1] = 0;
        if !wide {
            fresh.bytes[XState::INSTRUCTION_POINTER + 4..XState::DATA_POINTER].fill(0);
            fresh.bytes[XState::DATA_POINTER + 4..XState::MXCSR].fill(0);
        }
        area(
            XState::X87_REGISTERS.start,
            &mut fresh.bytes[XState::X87_REGISTERS],
        )?;
    }
    if wanted(component::SSE) {
        fresh.bytes[XState::SSE_REGISTERS].fill(0);
    }
    if loaded & component::SSE != 0 {
        area(
            XState::SSE_REGISTERS.start,
            &mut fresh.bytes[XState::SSE_REGISTERS],
        )?;
    }
    if let Some(mxcsr) = mxcsr(header.form, requested, loaded, &mut area)? {
        if mxcsr & !state.mxcsr_mask() != 0 {
            return Err(BadArea.into());
        }
        fresh.set(XState::MXCSR, &mxcsr.to_le_bytes());
    }
    let places: Vec<_> = match header.form {
        Form::Standard => layout.standard(loaded).collect(),
        Form::Compacted(set) => layout
            .compacted(set)
            .filter(|(bit, _)| loaded & bit != 0)
            .collect(),
    };
    for (bit, target) in layout.standard(requested) {
        let slot = &mut fresh.bytes[target];
        match places.iter().find(|(other, _)| *other == bit) {
            Some((_, source)) => area(source.start, slot)?,
            None => slot.fill(0),
        }
    }
    fresh.set_in_use(state.in_use() & !requested | loaded);
    fresh.mark_in_use(0);
    *state = fresh;
    Ok(())
}

/// The MXCSR to load, if one is: the standard form takes it from memory whatever XSTATE_BV says.
fn mxcsr<E>(
    form: Form,
    requested: u64,
    loaded: u64,
    area: &mut impl FnMut(usize, &mut [u8]) -> Result<(), E>,
) -> Result<Option<u32>, E> {
    let from_memory = match form {
        Form::Standard => requested & (component::SSE | component::AVX) != 0,
        Form::Compacted(_) => loaded & component::SSE != 0,
    };
    if from_memory {
        let mut bytes = [0; 4];
        area(XState::MXCSR, &mut bytes)?;
        return Ok(Some(u32::from_le_bytes(bytes)));
    }
    let initial = matches!(form, Form::Compacted(_)) && requested & component::SSE != 0;
    Ok(initial.then_some(MXCSR_DEFAULT))
}
