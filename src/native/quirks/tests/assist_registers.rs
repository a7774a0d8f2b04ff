//! Instructions without memory operands, executed in the kernel mode of a real guest.

mod guest;

use actovisor_quirks::HostClass;
use guest::{CODE, FLAGS, Guest};
use kvm_bindings::{Msrs, kvm_msr_entry, kvm_regs};

const CARRY: u64 = 1;
const ZERO: u64 = 1 << 6;
const TRAP: u64 = 1 << 8;
const RESUME: u64 = 1 << 16;
const ALIGNMENT_CHECK: u64 = 1 << 18;

#[test]
fn popcnt_counts_and_replaces_the_flags() {
    let mut guest = Guest::new();
    let regs = kvm_regs {
        rbx: 0xf0f0,
        rflags: 0x8d5,
        ..Default::default()
    };
    let ended = guest.run(code!("popcnt rax, rbx"), regs);
    assert_eq!((ended.regs.rax, ended.regs.rflags), (8, FLAGS));
    let ended = guest.run(
        code!("popcnt ax, cx"),
        kvm_regs {
            rax: u64::MAX,
            ..Default::default()
        },
    );
    assert_eq!(
        (ended.regs.rax, ended.regs.rflags),
        (0xffff_ffff_ffff_0000, FLAGS | ZERO)
    );
    guest.assert_served("popcnt", 2);
}

#[test]
fn bit_manipulation_runs_one_after_the_other() {
    let mut guest = Guest::new();
    let regs = kvm_regs {
        rbx: 0b1011_0000,
        rcx: 4,
        rdx: 0xff,
        ..Default::default()
    };
    let ended = guest.run(
        code!(
            "andn r8, rbx, rdx",
            "blsr r9, rbx",
            "shlx r10, rbx, rcx",
            "pext r11, rbx, rdx",
            "rorx r12, rbx, 4",
            "bzhi r13, rbx, rcx",
            "mulx r14, r15, rbx",
            "crc32 rax, bl",
        ),
        regs,
    );
    let r = ended.regs;
    assert_eq!((r.r8, r.r9, r.r10, r.r11), (0x4f, 0b1010_0000, 0xb00, 0xb0));
    assert_eq!((r.r12, r.r13, r.r14, r.r15), (0xb, 0, 0, 0xb0 * 0xff));
    assert_ne!(r.rax, 0);
}

#[test]
fn int3_is_a_breakpoint_behind_the_instruction() {
    let mut guest = Guest::new();
    let raised = guest
        .run(code!("int3"), kvm_regs::default())
        .exception
        .expect("#BP");
    assert_eq!(
        (raised.vector, raised.error_code, raised.rip),
        (3, None, CODE + 1)
    );
    guest.assert_served("int3", 1);
}

#[test]
fn ud1_is_an_undefined_instruction() {
    let mut guest = Guest::new();
    let raised = guest
        .run(code!("ud1 eax, ecx"), kvm_regs::default())
        .exception
        .expect("#UD");
    assert_eq!(
        (raised.vector, raised.error_code, raised.rip),
        (6, None, CODE)
    );
    assert_ne!(raised.flags & RESUME, 0);
}

#[test]
fn stac_and_clac_change_the_flag() {
    let mut guest = Guest::new();
    let ended = guest.run(
        code!("stac", "pushfq", "pop rax", "clac"),
        kvm_regs::default(),
    );
    assert_ne!(ended.regs.rax & ALIGNMENT_CHECK, 0);
    assert_eq!(ended.regs.rflags & ALIGNMENT_CHECK, 0);
    guest.assert_served("stac", 1);
    guest.assert_served("clac", 1);
}

#[test]
fn xgetbv_reads_the_enabled_components() {
    let mut guest = Guest::new();
    let regs = kvm_regs {
        rax: u64::MAX,
        rdx: u64::MAX,
        ..Default::default()
    };
    let ended = guest.run(code!("xgetbv"), regs);
    assert_eq!((ended.regs.rax, ended.regs.rdx), (7, 0));
    let regs = kvm_regs {
        rcx: 9,
        ..Default::default()
    };
    let raised = guest.run(code!("xgetbv"), regs).exception.expect("#GP");
    assert_eq!((raised.vector, raised.error_code), (13, Some(0)));
}

#[test]
fn xgetbv_without_osxsave_is_undefined() {
    let mut guest = Guest::new();
    guest.change_system(|sregs| sregs.cr4 &= !guest::CR4_OSXSAVE);
    let raised = guest
        .run(code!("xgetbv"), kvm_regs::default())
        .exception
        .expect("#UD");
    assert_eq!(raised.vector, 6);
}

#[test]
fn rdtscp_reads_the_counter_and_the_processor_id() {
    let mut guest = Guest::new();
    let entry = kvm_msr_entry {
        index: 0xc000_0103,
        data: 0x1234,
        ..Default::default()
    };
    let msrs = Msrs::from_entries(&[entry]).expect("one entry");
    assert_eq!(guest.vcpu.set_msrs(&msrs), Ok(1));
    let code = code!(
        "rdtsc",
        "mov r8d, eax",
        "mov r9d, edx",
        "rdtscp",
        "mov r10d, eax",
        "mov r11d, edx",
        "mov r12, rcx",
        "rdtsc",
    );
    let r = guest
        .run(
            code,
            kvm_regs {
                rcx: u64::MAX,
                ..Default::default()
            },
        )
        .regs;
    let (before, at, after) = (r.r9 << 32 | r.r8, r.r11 << 32 | r.r10, r.rdx << 32 | r.rax);
    assert!(before < at && at < after, "{before} {at} {after}");
    assert_eq!(r.r12, 0x1234);
    guest.assert_served("rdtscp", 1);
}

#[test]
fn segment_queries_answer_from_the_descriptor_table() {
    let mut guest = Guest::new();
    let mut query = |code: &[u8], selector: u64| {
        let ended = guest.run(
            code,
            kvm_regs {
                rcx: selector,
                rax: 0x55,
                ..Default::default()
            },
        );
        (ended.regs.rax, ended.regs.rflags & ZERO != 0)
    };
    let lar = code!("lar eax, cx");
    assert_eq!(query(lar, 0x10), (0x00c0_9300, true), "data");
    assert_eq!(query(lar, 0x23), (0x00a0_fb00, true), "user code");
    assert_eq!(
        query(lar, 0x13),
        (0x55, false),
        "the selector asks for less privilege"
    );
    assert_eq!(query(lar, 0), (0x55, false), "the null selector");
    assert_eq!(query(lar, 0x50), (0x55, false), "beyond the table");
    assert_eq!(query(lar, 0x14), (0x55, false), "no local table");
    assert_eq!(query(lar, 0x38), (0x8b00, true), "a task state segment");
    let lsl = code!("lsl rax, ecx");
    assert_eq!(query(lsl, 0x10), (0xffff_ffff, true), "a limit in pages");
    assert_eq!(query(lsl, 0x30), (0x1234, true), "a limit in bytes");
    assert_eq!(query(lsl, 0x38), (0x67, true), "a task state segment");
    let verw = code!("verw cx");
    assert_eq!(query(verw, 0x10), (0x55, true), "data can be written");
    assert_eq!(query(verw, 0x08), (0x55, false), "code cannot");
    assert_eq!(query(verw, 0x30), (0x55, false), "read-only data cannot");
    let verr = code!("verr cx");
    assert_eq!(query(verr, 0x08), (0x55, true), "code can be read");
    assert_eq!(query(verr, 0x28), (0x55, false), "execute-only code cannot");
    assert_eq!(query(verr, 0x38), (0x55, false), "system segments cannot");
}

#[test]
fn single_step_traps_behind_a_served_instruction() {
    let mut guest = Guest::new();
    let regs = kvm_regs {
        rbx: 1,
        rflags: TRAP,
        ..Default::default()
    };
    let ended = guest.run(code!("popcnt rax, rbx", "nop"), regs);
    let raised = ended.exception.expect("#DB");
    assert_eq!((raised.vector, raised.rip), (1, CODE + 5));
    let dr6 = guest.vcpu.get_debug_regs().expect("KVM_GET_DEBUGREGS").dr6;
    assert_ne!(dr6 & 1 << 14, 0, "DR6.BS");
}

#[test]
fn carry_survives_instructions_that_do_not_touch_it() {
    let mut guest = Guest::new();
    let ended = guest.run(code!("stc", "shlx rax, rbx, rcx"), kvm_regs::default());
    assert_ne!(ended.regs.rflags & CARRY, 0);
}

#[test]
fn settled_registers_are_those_the_guest_goes_on_with() {
    let mut guest = Guest::new();
    let code = code!(
        "popcnt rax, rbx",
        "popcnt rcx, rax",
        "popcnt rdx, rcx",
        "popcnt rsi, rdx"
    );
    guest.load(
        code,
        kvm_regs {
            rbx: u64::MAX,
            ..Default::default()
        },
    );
    // The length of the instructions, and the results as they come.
    let steps = [(64, 0, 0, 0), (64, 1, 0, 0), (64, 1, 1, 0), (64, 1, 1, 1)];
    for (rip, expected) in (CODE..).step_by(5).skip(1).zip(steps) {
        if guest.class == HostClass::Ordinary {
            break;
        }
        assert!(guest.enter().expect("served").is_none());
        guest.assist.settle(&mut guest.vcpu).expect("settles");
        let r = guest.vcpu.get_regs().expect("KVM_GET_REGS");
        assert_eq!((r.rip, (r.rax, r.rcx, r.rdx, r.rsi)), (rip, expected));
    }
    let ended = guest.enter().expect("nothing to serve").expect("the end");
    assert_eq!((ended.regs.rsi, ended.exception), (1, None));
}
