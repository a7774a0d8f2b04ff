use std::arch::x86_64::__cpuid_count;
use std::ops::Range;

use super::EXTENDED;

/// Components 2 to 62 in CPUID; 0 and 1 have a fixed place.
const FIRST: u64 = 2;
const LAST: u64 = 62;
const LEAF: u32 = 0xd;
const ALIGNMENT: usize = 64;

/// Where each component lies on this processor, from CPUID leaf 0xD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    components: Vec<Component>,
    /// Whether XSAVEC and the compacted form exist.
    pub(crate) compaction: bool,
    /// Whether XGETBV reads the components in use.
    pub(crate) in_use: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Component {
    bit: u64,
    offset: usize,
    size: usize,
    aligned: bool,
}

impl Layout {
    /// Asks the processor at hand, which is the guest's as well.
    pub(crate) fn of_host() -> Self {
        let features = __cpuid_count(LEAF, 1);
        let supported = __cpuid_count(LEAF, 0);
        let supported = u64::from(supported.edx) << 32 | u64::from(supported.eax);
        let components = (FIRST..=LAST)
            .filter(|number| supported >> number & 1 == 1)
            .filter_map(|number| {
                let answer = __cpuid_count(LEAF, u32::try_from(number).ok()?);
                Some(Component {
                    bit: 1 << number,
                    offset: usize::try_from(answer.ebx).ok()?,
                    size: usize::try_from(answer.eax).ok()?,
                    aligned: answer.ecx & 0b10 != 0,
                })
            })
            .collect();
        Self {
            components,
            compaction: features.eax & 0b10 != 0,
            in_use: features.eax & 0b100 != 0,
        }
    }

    /// The places of the components of `set` in the standard form.
    pub(crate) fn standard(&self, set: u64) -> impl Iterator<Item = (u64, Range<usize>)> + '_ {
        self.components
            .iter()
            .filter(move |component| set & component.bit != 0)
            .map(|component| {
                (
                    component.bit,
                    component.offset..component.offset + component.size,
                )
            })
    }

    /// The places of the components of `set` in a compacted area that holds just them.
    pub(crate) fn compacted(&self, set: u64) -> impl Iterator<Item = (u64, Range<usize>)> + '_ {
        let chosen = self
            .components
            .iter()
            .filter(move |component| set & component.bit != 0);
        chosen.scan(EXTENDED, |end, component| {
            let start = if component.aligned {
                end.next_multiple_of(ALIGNMENT)
            } else {
                *end
            };
            *end = start + component.size;
            Some((component.bit, start..*end))
        })
    }
}
