use std::borrow::Cow;
use std::ops::Range;

use super::{COMPACTED, HEADER, Layout, MXCSR_DEFAULT, XState, component};

/// A piece of an XSAVE area: where it goes and what is written there.
pub(crate) type Piece<'a> = (usize, Cow<'a, [u8]>);

/// What XSAVE writes for the components of `requested`, over an area whose XSTATE_BV is `old`.
pub(crate) fn save_standard<'a>(
    state: &'a XState,
    layout: &Layout,
    requested: u64,
    old: u64,
    wide: bool,
) -> Vec<Piece<'a>> {
    let mut pieces = legacy(
        state,
        requested,
        requested & (component::SSE | component::AVX) != 0,
        wide,
    );
    let components = old & !requested | state.in_use() & requested;
    pieces.push((HEADER, Cow::Owned(components.to_le_bytes().to_vec())));
    for (_, place) in layout.standard(requested) {
        pieces.push((place.start, Cow::Borrowed(&state.bytes[place])));
    }
    pieces
}

/// What XSAVEC writes for the components of `requested`: those not in use are left out.
pub(crate) fn save_compacted<'a>(
    state: &'a XState,
    layout: &Layout,
    requested: u64,
    wide: bool,
) -> Vec<Piece<'a>> {
    let rounded = state.u32(XState::MXCSR) != MXCSR_DEFAULT;
    let in_use = state.in_use() | if rounded { component::SSE } else { 0 };
    let written = requested & in_use;
    let mut pieces = legacy(state, written, written & component::SSE != 0, wide);
    let header = [written.to_le_bytes(), (requested | COMPACTED).to_le_bytes()].concat();
    pieces.push((HEADER, Cow::Owned(header)));
    let sources: Vec<(u64, Range<usize>)> = layout.standard(written).collect();
    for (bit, place) in layout.compacted(requested) {
        if let Some((_, source)) = sources.iter().find(|(other, _)| *other == bit) {
            pieces.push((place.start, Cow::Borrowed(&state.bytes[source.clone()])));
        }
    }
    pieces
}

fn legacy(state: &XState, set: u64, mxcsr: bool, wide: bool) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    if set & component::X87 != 0 {
        pieces.push((0, environment(state, wide)));
        pieces.push(part(state, XState::X87_REGISTERS));
    }
    if mxcsr {
        pieces.push(part(state, XState::MXCSR..XState::X87_REGISTERS.start));
    }
    if set & component::SSE != 0 {
        pieces.push(part(state, XState::SSE_REGISTERS));
    }
    pieces
}

/// The x87 environment; without REX.W the pointers are 32-bit offsets with selectors of 0.
fn environment(state: &XState, wide: bool) -> Cow<'_, [u8]> {
    let environment = &state.bytes[..XState::MXCSR];
    if wide {
        return Cow::Borrowed(environment);
    }
    let mut narrow = environment.to_vec();
    narrow[XState::INSTRUCTION_POINTER + 4..XState::DATA_POINTER].fill(0);
    narrow[XState::DATA_POINTER + 4..].fill(0);
    Cow::Owned(narrow)
}

fn part(state: &XState, place: Range<usize>) -> Piece<'_> {
    (place.start, Cow::Borrowed(&state.bytes[place]))
}
