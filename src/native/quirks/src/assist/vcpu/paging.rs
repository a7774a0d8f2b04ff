use kvm_bindings::kvm_sregs;

/// What an access wants of a page. All of them are made with the kernel's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
    /// Of code; only to see an instruction again that has been fetched before.
    Fetch,
}

/// Page tables in guest-physical memory.
pub(super) trait Tables {
    type Error;
    /// Reads an entry.
    fn entry(&self, physical: u64) -> Result<u64, Self::Error>;
    /// Adds bits to an entry, atomically, unless it has changed meanwhile.
    fn add(&self, physical: u64, seen: u64, bits: u64) -> Result<bool, Self::Error>;
}

/// Why a linear address has no page for an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Miss<E> {
    /// A page fault with this error code.
    Fault(u32),
    /// The tables could not be read.
    Tables(E),
}

const PRESENT: u64 = 1 << 0;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
const FRAME: u64 = 0x000f_ffff_ffff_f000;

const CR0_WRITE_PROTECT: u64 = 1 << 16;
const CR4_LA57: u64 = 1 << 12;
const CR4_SMEP: u64 = 1 << 20;
const CR4_SMAP: u64 = 1 << 21;
const EFER_NX: u64 = 1 << 11;

/// Bits of a page fault's error code.
mod code {
    pub(super) const PROTECTION: u32 = 1 << 0;
    pub(super) const WRITE: u32 = 1 << 1;
    pub(super) const RESERVED: u32 = 1 << 3;
    pub(super) const FETCH: u32 = 1 << 4;
}

/// Finds the guest-physical address of a linear one in 4- or 5-level tables, checks the kernel's
/// rights to it and sets the accessed and dirty bits.
pub(super) fn walk<T: Tables>(
    tables: &T,
    system: &kvm_sregs,
    user_access_allowed: bool,
    linear: u64,
    access: Access,
) -> Result<u64, Miss<T::Error>> {
    loop {
        let path = descend(tables, system, linear, access)?;
        check(&path, system, user_access_allowed, access)?;
        if mark(tables, &path, access).map_err(Miss::Tables)? {
            let offset = linear & ((1 << path.shift) - 1);
            return Ok(path.leaf() & FRAME & !((1 << path.shift) - 1) | offset);
        }
    }
}

/// The entries on the way to a page, the page's own last.
struct Path {
    entries: [(u64, u64); 5],
    length: usize,
    shift: u32,
}

impl Path {
    fn seen(&self) -> &[(u64, u64)] {
        &self.entries[..self.length]
    }

    fn leaf(&self) -> u64 {
        self.entries[self.length - 1].1
    }
}

fn descend<T: Tables>(
    tables: &T,
    system: &kvm_sregs,
    linear: u64,
    access: Access,
) -> Result<Path, Miss<T::Error>> {
    let levels = if system.cr4 & CR4_LA57 == 0 { 4 } else { 5 };
    let mut table = system.cr3 & FRAME;
    let mut path = Path {
        entries: [(0, 0); 5],
        length: 0,
        shift: 12,
    };
    for level in (0..levels).rev() {
        let shift = 12 + 9 * level;
        let place = table + ((linear >> shift) & 0x1ff) * 8;
        let entry = tables.entry(place).map_err(Miss::Tables)?;
        if entry & PRESENT == 0 {
            return Err(Miss::Fault(error_code(system, access, 0)));
        }
        let large = entry & LARGE != 0;
        let reserved_large =
            large && (level > 2 || level > 0 && entry & FRAME & ((1 << shift) - 1) & !0x1000 != 0);
        if reserved_large || entry & NO_EXECUTE != 0 && system.efer & EFER_NX == 0 {
            let reserved = code::PROTECTION | code::RESERVED;
            return Err(Miss::Fault(error_code(system, access, reserved)));
        }
        path.entries[path.length] = (place, entry);
        path.length += 1;
        path.shift = shift;
        if level == 0 || large {
            break;
        }
        table = entry & FRAME;
    }
    Ok(path)
}

fn check<E>(
    path: &Path,
    system: &kvm_sregs,
    user_access_allowed: bool,
    access: Access,
) -> Result<(), Miss<E>> {
    let all = |bit: u64| path.seen().iter().all(|(_, entry)| entry & bit != 0);
    let user = all(USER);
    let forbidden = match access {
        Access::Fetch => {
            path.seen().iter().any(|(_, entry)| entry & NO_EXECUTE != 0)
                || user && system.cr4 & CR4_SMEP != 0
        }
        _ if user && system.cr4 & CR4_SMAP != 0 && !user_access_allowed => true,
        Access::Write => system.cr0 & CR0_WRITE_PROTECT != 0 && !all(WRITABLE),
        Access::Read => false,
    };
    if forbidden {
        return Err(Miss::Fault(error_code(system, access, code::PROTECTION)));
    }
    Ok(())
}

/// Sets the bits an access leaves; false if an entry changed under it.
fn mark<T: Tables>(tables: &T, path: &Path, access: Access) -> Result<bool, T::Error> {
    let last = path.length - 1;
    for (index, (place, entry)) in path.seen().iter().enumerate() {
        let dirty = if index == last && access == Access::Write {
            DIRTY
        } else {
            0
        };
        let wanted = ACCESSED | dirty;
        if entry & wanted != wanted && !tables.add(*place, *entry, wanted)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn error_code(system: &kvm_sregs, access: Access, base: u32) -> u32 {
    let tells_fetches = system.efer & EFER_NX != 0 || system.cr4 & CR4_SMEP != 0;
    base | match access {
        Access::Read => 0,
        Access::Write => code::WRITE,
        Access::Fetch if tells_fetches => code::FETCH,
        Access::Fetch => 0,
    }
}

#[cfg(test)]
mod tests;
