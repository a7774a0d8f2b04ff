//! Extended state saved and loaded in the kernel mode of a real guest.

mod guest;

use guest::{CODE, CR0_TASK_SWITCHED, CR4_OSXSAVE, DATA, DIRTY, Guest, PAGE, PRESENT, WRITABLE};
use kvm_bindings::{kvm_regs, kvm_xsave};

const HEADER: u64 = 512;
const YMM: u64 = 576;
const ALL: u64 = 7;
const WRITE: u64 = 2;

/// An image with a pattern in every register of x87, SSE and AVX.
fn pattern() -> kvm_xsave {
    let mut image = kvm_xsave::default();
    for (at, word) in (0_u32..).zip(&mut image.region[8..208]) {
        // Of each x87 register only 80 of 128 bits exist.
        let padding = at < 32 && (at % 4 == 3 || at % 4 == 2);
        *word = if padding { 0 } else { 0x1111_0000 + at };
    }
    image.region[104..128].fill(0);
    image.region[128..144].fill(0);
    image.region[0] = 0x37f;
    image.region[1] = 0xff;
    image.region[6] = 0x1f80;
    image.region[128] = 7;
    image
}

fn set(guest: &Guest, image: &kvm_xsave) {
    // SAFETY: no component beyond the 4096 bytes of `kvm_xsave` was asked for.
    unsafe { guest.vcpu.set_xsave(image) }.expect("KVM_SET_XSAVE");
}

fn words(guest: &Guest, address: u64, count: usize) -> Vec<u32> {
    (0..count as u64)
        .map(|at| u32::from_le_bytes(guest.get(address + at * 4)))
        .collect()
}

fn request(area: u64, components: u64) -> kvm_regs {
    kvm_regs {
        rdi: area,
        rax: components,
        ..Default::default()
    }
}

#[test]
fn xsave_writes_every_component_of_the_guest() {
    for (code, mnemonic) in [
        (code!("xsave64 [rdi]"), "xsave64"),
        (code!("xsaveopt64 [rdi]"), "xsaveopt64"),
        (code!("xsave [rdi]"), "xsave"),
    ] {
        let mut guest = Guest::new();
        let image = pattern();
        set(&guest, &image);
        assert_eq!(
            guest.run(code, request(DATA, ALL)).exception,
            None,
            "{mnemonic}"
        );
        assert_eq!(
            words(&guest, DATA + 32, 96),
            image.region[8..104],
            "{mnemonic}"
        );
        assert_eq!(
            words(&guest, DATA + YMM, 64),
            image.region[144..208],
            "{mnemonic}"
        );
        assert_eq!(guest.u64(DATA + HEADER), 7, "{mnemonic}");
        guest.assert_served(mnemonic, 1);
    }
}

#[test]
fn xsave_leaves_alone_what_was_not_asked_for() {
    let mut guest = Guest::new();
    set(&guest, &pattern());
    guest.put(DATA, &[0xa5; 1024]);
    guest.put(DATA + HEADER, &[0; 64]);
    guest.run(code!("xsave64 [rdi]"), request(DATA, 4));
    assert_eq!(words(&guest, DATA + 160, 64), [0xa5a5_a5a5; 64]);
    assert_eq!(guest.u64(DATA + HEADER), 4);
    assert_ne!(words(&guest, DATA + YMM, 1), [0xa5a5_a5a5]);
}

#[test]
fn what_was_saved_comes_back_over_a_page_border() {
    let mut guest = Guest::new();
    let image = pattern();
    // The components lie in two pages that are far apart in physical memory.
    guest.set_entry(DATA + PAGE, (DATA + 8 * PAGE) | PRESENT | WRITABLE);
    let area = DATA + PAGE - 640;
    set(&guest, &image);
    guest.run(code!("xsave64 [rdi]"), request(area, ALL));
    assert_ne!(guest.entry(DATA + PAGE) & DIRTY, 0);
    set(
        &guest,
        &kvm_xsave {
            region: other(),
            ..Default::default()
        },
    );
    let ended = guest.run(code!("xrstor64 [rdi]"), request(area, ALL));
    assert_eq!(ended.exception, None);
    let loaded = guest.vcpu.get_xsave().expect("KVM_GET_XSAVE");
    assert_eq!(loaded.region[8..104], image.region[8..104]);
    assert_eq!(loaded.region[144..208], image.region[144..208]);
}

fn other() -> [u32; 1024] {
    let mut region = pattern().region;
    for at in (40..104).chain(144..208) {
        region[at] = !region[at];
    }
    region
}

#[test]
fn xrstor_initialises_what_the_area_does_not_hold() {
    let mut guest = Guest::new();
    set(&guest, &pattern());
    guest.put(DATA, &[0; 1024]);
    guest.put(DATA + 24, &0x1f80_u32.to_le_bytes());
    guest.run(code!("xrstor64 [rdi]"), request(DATA, ALL));
    let loaded = guest.vcpu.get_xsave().expect("KVM_GET_XSAVE");
    assert_eq!(loaded.region[40..104], [0; 64]);
    assert_eq!(loaded.region[144..208], [0; 64]);
    assert_eq!(loaded.region[0] & 0xffff, 0x37f);
}

#[test]
fn a_compacted_area_is_written_and_read() {
    let mut guest = Guest::new();
    let image = pattern();
    set(&guest, &image);
    let ended = guest.run(code!("xsavec64 [rdi]"), request(DATA, ALL));
    assert_eq!(ended.exception, None);
    assert_eq!(guest.u64(DATA + HEADER + 8), 1 << 63 | ALL);
    set(
        &guest,
        &kvm_xsave {
            region: other(),
            ..Default::default()
        },
    );
    guest.run(code!("xrstor64 [rdi]"), request(DATA, ALL));
    let loaded = guest.vcpu.get_xsave().expect("KVM_GET_XSAVE");
    assert_eq!(loaded.region[144..208], image.region[144..208]);
}

#[test]
fn a_page_fault_inside_xsave_leaves_nothing_half_done() {
    let mut guest = Guest::new();
    set(&guest, &pattern());
    let area = DATA + PAGE - 640;
    guest.put(area, &[0x5a; 640]);
    guest.put(area + HEADER, &[0; 64]);
    for (entry, code) in [(0, WRITE), ((DATA + PAGE) | PRESENT, WRITE | 1)] {
        guest.set_entry(DATA + PAGE, entry);
        let ended = guest.run(code!("nop", "xsave64 [rdi]"), request(area, ALL));
        let raised = ended.exception.expect("#PF");
        assert_eq!((raised.vector, raised.error_code), (14, Some(code)));
        assert_eq!((raised.cr2, raised.rip), (DATA + PAGE, CODE + 1));
        assert_eq!(words(&guest, area, 128), [0x5a5a_5a5a; 128]);
        assert_eq!(guest.u64(area + HEADER), 0);
    }
}

#[test]
fn a_page_fault_inside_xrstor_leaves_the_state() {
    let mut guest = Guest::new();
    let image = pattern();
    set(&guest, &image);
    let area = DATA + PAGE - 640;
    guest.put(area, &[0; 640]);
    guest.put(area + HEADER, &[7]);
    guest.put(area + 24, &0x1f80_u32.to_le_bytes());
    guest.set_entry(DATA + PAGE, 0);
    let raised = guest
        .run(code!("xrstor64 [rdi]"), request(area, ALL))
        .exception
        .expect("#PF");
    assert_eq!(
        (raised.vector, raised.error_code, raised.cr2),
        (14, Some(0), DATA + PAGE)
    );
    let after = guest.vcpu.get_xsave().expect("KVM_GET_XSAVE");
    assert_eq!(after.region[40..104], image.region[40..104]);
    assert_eq!(after.region[144..208], image.region[144..208]);
}

#[test]
fn bad_areas_are_a_general_protection() {
    let mut guest = Guest::new();
    let fault = |guest: &mut Guest, code: &[u8], area: u64| {
        let raised = guest.run(code, request(area, ALL)).exception;
        assert_eq!(
            raised.map(|raised| (raised.vector, raised.error_code)),
            Some((13, Some(0)))
        );
    };
    let (save, load) = (code!("xsave64 [rdi]"), code!("xrstor64 [rdi]"));
    fault(&mut guest, save, DATA + 32);
    fault(&mut guest, load, DATA + 32);
    // A component that is not enabled, an XCOMP_BV and a reserved byte in the header, and MXCSR.
    for (at, value) in [(HEADER, 0x80), (HEADER + 8, 1), (HEADER + 16, 1), (27, 1)] {
        guest.put(DATA, &[0; 1024]);
        guest.put(DATA + at, &[value]);
        fault(&mut guest, load, DATA);
    }
}

#[test]
fn disabled_state_raises_what_the_kernel_waits_for() {
    let mut guest = Guest::new();
    guest.change_system(|sregs| sregs.cr0 |= CR0_TASK_SWITCHED);
    let vector = |guest: &mut Guest, code: &[u8]| {
        guest
            .run(code, request(DATA, ALL))
            .exception
            .map(|raised| raised.vector)
    };
    assert_eq!(vector(&mut guest, code!("xsave64 [rdi]")), Some(7));
    assert_eq!(vector(&mut guest, code!("fnclex")), Some(7));
    assert_eq!(vector(&mut guest, code!("fwait")), Some(7));
    guest.change_system(|sregs| sregs.cr4 &= !CR4_OSXSAVE);
    assert_eq!(vector(&mut guest, code!("xrstor64 [rdi]")), Some(6));
}

#[test]
fn a_pending_x87_exception_is_raised_by_fwait_and_cleared_by_fnclex() {
    let mut guest = Guest::new();
    let mut image = pattern();
    // Division by zero, unmasked and pending.
    image.region[0] = 0x8084 << 16 | 0x37b;
    set(&guest, &image);
    let raised = guest
        .run(code!("fwait"), kvm_regs::default())
        .exception
        .expect("#MF");
    assert_eq!((raised.vector, raised.rip), (16, CODE));
    let ended = guest.run(
        code!("fnclex", "fwait", "fninit", "emms"),
        kvm_regs::default(),
    );
    assert_eq!(ended.exception, None);
    let after = guest.vcpu.get_xsave().expect("KVM_GET_XSAVE");
    assert_eq!(after.region[0], 0x37f);
}

#[test]
fn mxcsr_is_loaded_and_stored() {
    let mut guest = Guest::new();
    guest.put(DATA, &0x1f00_u32.to_le_bytes());
    let code = code!("ldmxcsr [rdi]", "stmxcsr [rdi + 8]", "fild dword ptr [rdi]");
    assert_eq!(
        guest
            .run(
                code,
                kvm_regs {
                    rdi: DATA,
                    ..Default::default()
                }
            )
            .exception,
        None
    );
    assert_eq!(words(&guest, DATA + 8, 1), [0x1f00]);
    guest.put(DATA, &u32::MAX.to_le_bytes());
    let raised = guest
        .run(
            code,
            kvm_regs {
                rdi: DATA,
                ..Default::default()
            },
        )
        .exception;
    assert_eq!(raised.map(|raised| raised.vector), Some(13));
}
