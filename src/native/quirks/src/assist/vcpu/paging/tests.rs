use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;

use super::*;

const LINEAR: u64 = 0xffff_8123_4567_89ab;
const FRAME_OF_PAGE: u64 = 0x7_6543_2000;

/// Tables that map [`LINEAR`]: one entry at each level, at 0x1000, 0x2000 and so on.
struct Sparse {
    entries: RefCell<HashMap<u64, u64>>,
    /// An entry that another processor changes just before it is marked.
    contended: Option<(u64, u64)>,
}

impl Tables for Sparse {
    type Error = Infallible;

    fn entry(&self, physical: u64) -> Result<u64, Infallible> {
        Ok(self
            .entries
            .borrow()
            .get(&physical)
            .copied()
            .unwrap_or_default())
    }

    fn add(&self, physical: u64, seen: u64, bits: u64) -> Result<bool, Infallible> {
        let mut entries = self.entries.borrow_mut();
        let entry = entries.entry(physical).or_default();
        if let Some((place, changed)) = self.contended
            && place == physical
            && *entry != changed | bits
        {
            *entry = changed;
        }
        if *entry & !bits != seen & !bits {
            return Ok(false);
        }
        *entry |= bits;
        Ok(true)
    }
}

/// Where the entry of a level lies; level 0 is the page's own.
fn place(level: u32) -> u64 {
    let table = 0x1000 * u64::from(4 - level);
    table + ((LINEAR >> (12 + 9 * level)) & 0x1ff) * 8
}

fn tables(flags: [u64; 4]) -> Sparse {
    let entry = |level: u32, flags: u64| {
        let next = if level == 0 {
            FRAME_OF_PAGE
        } else {
            0x1000 * u64::from(5 - level)
        };
        (place(level), next | flags)
    };
    let levels = flags.into_iter().zip([3, 2, 1, 0]);
    let entries = levels.map(|(flags, level)| entry(level, flags)).collect();
    Sparse {
        entries: RefCell::new(entries),
        contended: None,
    }
}

fn system() -> kvm_sregs {
    kvm_sregs {
        cr0: CR0_WRITE_PROTECT,
        cr3: 0x1000,
        efer: EFER_NX,
        ..Default::default()
    }
}

fn find(tables: &Sparse, system: &kvm_sregs, access: Access) -> Result<u64, u32> {
    walk(tables, system, false, LINEAR, access).map_err(|miss| match miss {
        Miss::Fault(code) => code,
    })
}

const OPEN: u64 = PRESENT | WRITABLE;

#[test]
fn a_page_is_found_and_marked_as_far_as_it_is_used() {
    let tables = tables([OPEN; 4]);
    assert_eq!(
        find(&tables, &system(), Access::Read),
        Ok(FRAME_OF_PAGE | 0x9ab)
    );
    let flags = |level| tables.entries.borrow()[&place(level)] & (ACCESSED | DIRTY);
    assert_eq!([3, 2, 1, 0].map(flags), [ACCESSED; 4]);
    assert!(find(&tables, &system(), Access::Write).is_ok());
    let flags = |level| tables.entries.borrow()[&place(level)] & (ACCESSED | DIRTY);
    assert_eq!(
        [3, 2, 1, 0].map(flags),
        [ACCESSED, ACCESSED, ACCESSED, ACCESSED | DIRTY]
    );
}

#[test]
fn large_pages_keep_more_of_the_address() {
    let two_mebibytes = tables([OPEN, OPEN, OPEN | LARGE, 0]);
    two_mebibytes
        .entries
        .borrow_mut()
        .insert(place(1), 0x4000_0000 | OPEN | LARGE);
    let expected = 0x4000_0000 | LINEAR & 0x1f_ffff;
    assert_eq!(find(&two_mebibytes, &system(), Access::Read), Ok(expected));
    let one_gibibyte = tables([OPEN, OPEN, 0, 0]);
    one_gibibyte
        .entries
        .borrow_mut()
        .insert(place(2), 0x4000_0000 | OPEN | LARGE);
    let expected = 0x4000_0000 | LINEAR & 0x3fff_ffff;
    assert_eq!(find(&one_gibibyte, &system(), Access::Read), Ok(expected));
}

#[test]
fn five_levels_begin_one_table_earlier() {
    let tables = tables([OPEN; 4]);
    let system = kvm_sregs {
        cr4: CR4_LA57,
        cr3: 0x9000,
        ..system()
    };
    let top = 0x9000 + ((LINEAR >> 48) & 0x1ff) * 8;
    assert_eq!(find(&tables, &system, Access::Read), Err(0));
    tables.entries.borrow_mut().insert(top, 0x1000 | OPEN);
    assert_eq!(
        find(&tables, &system, Access::Read),
        Ok(FRAME_OF_PAGE | 0x9ab)
    );
}

#[test]
fn an_absent_entry_faults_at_every_level() {
    for missing in 0..4 {
        let mut flags = [OPEN; 4];
        flags[missing] = 0;
        assert_eq!(find(&tables(flags), &system(), Access::Read), Err(0));
        assert_eq!(
            find(&tables(flags), &system(), Access::Write),
            Err(code::WRITE)
        );
        assert_eq!(
            find(&tables(flags), &system(), Access::Fetch),
            Err(code::FETCH)
        );
    }
}

#[test]
fn a_faulting_access_marks_nothing() {
    let tables = tables([OPEN, OPEN, OPEN, PRESENT]);
    let before = tables.entries.borrow().clone();
    assert_eq!(
        find(&tables, &system(), Access::Write),
        Err(code::WRITE | code::PROTECTION)
    );
    assert_eq!(*tables.entries.borrow(), before);
}

#[test]
fn writes_respect_read_only_entries_of_every_level_unless_write_protect_is_off() {
    for closed in 0..4 {
        let mut flags = [OPEN; 4];
        flags[closed] = PRESENT;
        let code = code::WRITE | code::PROTECTION;
        assert_eq!(find(&tables(flags), &system(), Access::Write), Err(code));
        assert!(find(&tables(flags), &system(), Access::Read).is_ok());
        let unprotected = kvm_sregs { cr0: 0, ..system() };
        assert!(find(&tables(flags), &unprotected, Access::Write).is_ok());
    }
}

#[test]
fn smap_and_smep_close_pages_that_are_user_pages_at_all_levels() {
    let user = [OPEN | USER; 4];
    let smap = kvm_sregs {
        cr4: CR4_SMAP,
        ..system()
    };
    assert_eq!(
        find(&tables(user), &smap, Access::Read),
        Err(code::PROTECTION)
    );
    assert!(walk(&tables(user), &smap, true, LINEAR, Access::Read).is_ok());
    let smep = kvm_sregs {
        cr4: CR4_SMEP,
        ..system()
    };
    assert_eq!(
        find(&tables(user), &smep, Access::Fetch),
        Err(code::PROTECTION | code::FETCH)
    );
    let kernel = [OPEN | USER, OPEN | USER, OPEN | USER, OPEN];
    assert!(find(&tables(kernel), &smap, Access::Read).is_ok());
    assert!(find(&tables(kernel), &smep, Access::Fetch).is_ok());
}

#[test]
fn execution_needs_every_level_to_allow_it() {
    let flags = [OPEN, OPEN, OPEN | NO_EXECUTE, OPEN];
    let code = code::PROTECTION | code::FETCH;
    assert_eq!(find(&tables(flags), &system(), Access::Fetch), Err(code));
    assert!(find(&tables(flags), &system(), Access::Read).is_ok());
}

#[test]
fn reserved_bits_fault() {
    let code = code::PROTECTION | code::RESERVED;
    let without_nx = kvm_sregs {
        efer: 0,
        ..system()
    };
    let flags = [OPEN, OPEN, OPEN, OPEN | NO_EXECUTE];
    assert_eq!(find(&tables(flags), &without_nx, Access::Read), Err(code));
    let large_at_the_top = [OPEN | LARGE, OPEN, OPEN, OPEN];
    assert_eq!(
        find(&tables(large_at_the_top), &system(), Access::Read),
        Err(code)
    );
    let unaligned = tables([OPEN, OPEN, OPEN | LARGE, OPEN]);
    unaligned
        .entries
        .borrow_mut()
        .insert(place(1), 0x4000_2000 | OPEN | LARGE);
    assert_eq!(find(&unaligned, &system(), Access::Read), Err(code));
}

#[test]
fn the_attribute_bit_of_a_page_is_not_taken_for_its_size() {
    let flags = [OPEN, OPEN, OPEN, OPEN | LARGE];
    assert_eq!(
        find(&tables(flags), &system(), Access::Read),
        Ok(FRAME_OF_PAGE | 0x9ab)
    );
}

#[test]
fn an_entry_that_changes_meanwhile_is_looked_at_again() {
    let mut tables = tables([OPEN; 4]);
    tables.contended = Some((place(0), 0x8_0000_0000 | OPEN));
    assert_eq!(find(&tables, &system(), Access::Read), Ok(0x8_0000_09ab));
}
