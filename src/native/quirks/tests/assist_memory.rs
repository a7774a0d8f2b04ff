//! Instructions with memory operands, executed in the kernel mode of a real guest: page borders,
//! faults and the accessed and dirty bits.

mod guest;

use guest::{ACCESSED, CODE, DATA, DIRTY, Guest, PAGE, PRESENT, USER, WRITABLE};
use kvm_bindings::kvm_regs;

const ZERO: u64 = 1 << 6;
const ALIGNMENT_CHECK: u64 = 1 << 18;
const RESUME: u64 = 1 << 16;
/// Bits of a page fault's error code.
const PROTECTION: u64 = 1;
const WRITE: u64 = 2;

#[test]
fn every_form_of_address_is_understood() {
    let mut guest = Guest::new();
    guest.change_system(|sregs| sregs.gs.base = DATA);
    guest.put(DATA + 0x40, &0xff_u64.to_le_bytes());
    let regs = kvm_regs {
        rbx: DATA,
        rcx: 8,
        r9: DATA + 0x40,
        ..Default::default()
    };
    let ended = guest.run(
        code!(
            "popcnt rax, [rbx + rcx * 8]",
            "popcnt rdx, [rbx + 0x40]",
            "popcnt rsi, gs:[0x40]",
            "popcnt rdi, [r9]",
            "popcnt r10, [ebx + ecx * 8]",
            "popcnt r11, [0x100040]",
            "popcnt r12, [rip + 4f]",
            "jmp 5f",
            "4: .quad 0x1f",
            "5:",
        ),
        regs,
    );
    let r = ended.regs;
    assert_eq!(
        [r.rax, r.rdx, r.rsi, r.rdi, r.r10, r.r11, r.r12],
        [8, 8, 8, 8, 8, 8, 5]
    );
}

#[test]
fn a_read_over_a_page_border_takes_both_pages() {
    let mut guest = Guest::new();
    // Swapped, so that neighbours in linear memory are none in physical memory.
    guest.set_entry(DATA, (DATA + PAGE) | PRESENT | WRITABLE);
    guest.set_entry(DATA + PAGE, DATA | PRESENT | WRITABLE);
    guest.put(DATA + 2 * PAGE - 4, &[0xff; 4]);
    guest.put(DATA, &[0x0f; 4]);
    let regs = kvm_regs {
        rbx: DATA + PAGE - 4,
        ..Default::default()
    };
    assert_eq!(
        guest.run(code!("popcnt rax, [rbx]"), regs).regs.rax,
        32 + 16
    );
    assert_ne!(guest.entry(DATA) & ACCESSED, 0);
    assert_ne!(guest.entry(DATA + PAGE) & ACCESSED, 0);
    assert_eq!(guest.entry(DATA) & DIRTY, 0);
}

#[test]
fn a_read_of_an_absent_page_faults_at_its_first_byte_there() {
    let mut guest = Guest::new();
    guest.set_entry(DATA + PAGE, 0);
    let regs = kvm_regs {
        rbx: DATA + PAGE - 4,
        rax: 7,
        ..Default::default()
    };
    let ended = guest.run(code!("nop", "popcnt rax, [rbx]"), regs);
    let raised = ended.exception.expect("#PF");
    assert_eq!((raised.vector, raised.error_code), (14, Some(0)));
    assert_eq!((raised.cr2, raised.rip), (DATA + PAGE, CODE + 1));
    assert_ne!(raised.flags & RESUME, 0);
}

#[test]
fn an_address_that_is_not_canonical_is_a_general_protection() {
    let mut guest = Guest::new();
    let regs = kvm_regs {
        rbx: 0x8000_0000_0000,
        ..Default::default()
    };
    let raised = guest
        .run(code!("popcnt rax, [rbx]"), regs)
        .exception
        .expect("#GP");
    assert_eq!(
        (raised.vector, raised.error_code, raised.rip),
        (13, Some(0), CODE)
    );
    let regs = kvm_regs {
        rbp: 0x8000_0000_0000,
        ..Default::default()
    };
    let raised = guest
        .run(code!("popcnt rax, [rbp]"), regs)
        .exception
        .expect("#SS");
    assert_eq!((raised.vector, raised.error_code), (12, Some(0)));
}

#[test]
fn user_pages_are_closed_to_the_kernel_under_smap() {
    let mut guest = Guest::new();
    guest.set_entry(DATA, DATA | PRESENT | WRITABLE | USER);
    guest.change_system(|sregs| sregs.cr4 |= guest::CR4_SMAP);
    let regs = kvm_regs {
        rbx: DATA,
        ..Default::default()
    };
    let raised = guest
        .run(code!("popcnt rax, [rbx]"), regs)
        .exception
        .expect("#PF");
    assert_eq!((raised.vector, raised.error_code), (14, Some(PROTECTION)));
    let regs = kvm_regs {
        rbx: DATA,
        rflags: ALIGNMENT_CHECK,
        ..Default::default()
    };
    assert_eq!(guest.run(code!("popcnt rax, [rbx]"), regs).exception, None);
}

#[test]
fn cmpxchg16b_exchanges_and_marks_the_page_dirty() {
    let mut guest = Guest::new();
    guest.put(DATA + 16, &[1, 2].map(u64::to_le_bytes).concat());
    let code = code!("lock cmpxchg16b [rsi + 16]");
    let regs = kvm_regs {
        rax: 1,
        rdx: 2,
        rbx: 3,
        rcx: 4,
        rsi: DATA,
        ..Default::default()
    };
    let ended = guest.run(code, regs);
    assert_ne!(ended.regs.rflags & ZERO, 0);
    assert_eq!((guest.u64(DATA + 16), guest.u64(DATA + 24)), (3, 4));
    assert_ne!(guest.entry(DATA) & DIRTY, 0);
    let ended = guest.run(code, regs);
    assert_eq!(ended.regs.rflags & ZERO, 0);
    assert_eq!((ended.regs.rax, ended.regs.rdx), (3, 4));
    guest.assert_served("cmpxchg16b", 2);
}

#[test]
fn cmpxchg16b_faults_on_alignment_and_on_read_only_pages() {
    let mut guest = Guest::new();
    let code = code!("cmpxchg16b [rsi]");
    let regs = kvm_regs {
        rsi: DATA + 8,
        ..Default::default()
    };
    let raised = guest.run(code, regs).exception.expect("#GP");
    assert_eq!((raised.vector, raised.error_code), (13, Some(0)));
    guest.set_entry(DATA, DATA | PRESENT);
    let regs = kvm_regs {
        rsi: DATA,
        rax: 1,
        ..Default::default()
    };
    let raised = guest.run(code, regs).exception.expect("#PF");
    assert_eq!(
        (raised.vector, raised.error_code),
        (14, Some(PROTECTION | WRITE))
    );
    assert_eq!(raised.cr2, DATA);
}

#[test]
fn clwb_faults_where_its_page_is_absent() {
    let mut guest = Guest::new();
    let code = code!("clwb [rsi]");
    assert_eq!(
        guest
            .run(
                code,
                kvm_regs {
                    rsi: DATA,
                    ..Default::default()
                }
            )
            .exception,
        None
    );
    guest.set_entry(DATA, 0);
    let raised = guest
        .run(
            code,
            kvm_regs {
                rsi: DATA,
                ..Default::default()
            },
        )
        .exception;
    assert_eq!(raised.map(|raised| raised.vector), Some(14));
}

#[test]
fn an_operand_outside_of_ram_ends_with_its_address() {
    let mut guest = Guest::new();
    guest.set_entry(DATA, 0x4000_0000 | PRESENT | WRITABLE);
    let error = guest
        .try_run(
            code!("popcnt rax, [rbx]"),
            kvm_regs {
                rbx: DATA + 8,
                ..Default::default()
            },
        )
        .expect_err("there is no RAM");
    assert!(error.to_string().contains("0x40000008"), "{error}");
}

#[test]
fn an_unknown_instruction_ends_with_its_name_and_bytes() {
    let mut guest = Guest::new();
    let error = guest
        .try_run(code!("nop", "aesenc xmm1, xmm0"), kvm_regs::default())
        .expect_err("the assist does not know it");
    let message = error.to_string();
    assert!(message.contains("aesenc"), "{message}");
    assert!(message.contains("[66 0f 38 dc c8]"), "{message}");
    assert!(message.contains(&format!("{:#x}", CODE + 1)), "{message}");
}

#[test]
fn an_instruction_over_a_page_border_is_read_whole() {
    let mut guest = Guest::new();
    let padding = usize::try_from(PAGE - 3).expect("one page");
    let mut program = vec![0x90; padding];
    program.extend_from_slice(code!("popcnt rax, rbx"));
    let ended = guest.run(
        &program,
        kvm_regs {
            rbx: 0xff,
            ..Default::default()
        },
    );
    assert_eq!(ended.regs.rax, 8);
}
