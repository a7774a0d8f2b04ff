//! Extended processor state and the forms it takes in memory.

mod layout;
mod restore;
mod save;
mod state;

pub(crate) use layout::Layout;
pub(crate) use restore::{BadArea, Header, restore};
pub(crate) use save::{save_compacted, save_standard};
pub(crate) use state::XState;

/// Numbers of the components whose place does not follow from CPUID.
pub(crate) mod component {
    pub(crate) const X87: u64 = 1 << 0;
    pub(crate) const SSE: u64 = 1 << 1;
    pub(crate) const AVX: u64 = 1 << 2;
}

/// MXCSR as a reset leaves it.
pub(crate) const MXCSR_DEFAULT: u32 = 0x1f80;
/// In XCOMP_BV: the area has the compacted form.
pub(crate) const COMPACTED: u64 = 1 << 63;
/// Where the header lies in every form.
pub(crate) const HEADER: usize = 512;
/// Where the first component beyond x87 and SSE lies in the compacted form.
pub(crate) const EXTENDED: usize = 576;
