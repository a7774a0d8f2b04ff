//! Machines on real KVM that run a few instructions instead of a kernel: how
//! they end, and that nothing of them is left.

mod guest;

use std::time::Instant;

use actovisor_vmm::{ExitCause, ExitKind, MachineConfig, MachineError, open_kvm};
use guest::{CONSOLE_BYTES, DEADLINE, Guest, check, config, create, elf, resources};
use libtest_mimic::{Arguments, Failed, Trial};
use vmm_sys_util::tempfile::TempFile;

/// jmp to itself
const SPIN: &[u8] = &[0xeb, 0xfe];
/// mov al, 0xfe; out 0x64, al; jmp to itself
const RESET: &[u8] = &[0xb0, 0xfe, 0xe6, 0x64, 0xeb, 0xfe];
/// hlt; jmp back to it: interrupts are off, so it sleeps for ever
const HALT: &[u8] = &[0xf4, 0xeb, 0xfd];
/// ud2, with no interrupt table to handle it
const UNDEFINED: &[u8] = &[0x0f, 0x0b];
/// mov dx, 0x3f8; out dx, al; jmp back to the out
const FLOOD: &[u8] = &[0x66, 0xba, 0xf8, 0x03, 0xee, 0xeb, 0xfd];

type Test = fn() -> Result<(), Failed>;

fn main() {
    let mut arguments = Arguments::from_args();
    // They count the threads and descriptors of the process.
    arguments.test_threads = Some(1);
    let tests: &[(&str, Test)] = &[
        ("a_reset_ends_the_machine", a_reset_ends_the_machine),
        (
            "a_triple_fault_is_told_as_such",
            a_triple_fault_is_told_as_such,
        ),
        (
            "a_panic_is_told_with_its_reason",
            a_panic_is_told_with_its_reason,
        ),
        ("a_spinning_guest_is_killed", || killed(SPIN)),
        ("a_sleeping_guest_is_killed", || killed(HALT)),
        ("a_guest_that_floods_its_console_is_killed", || {
            killed(FLOOD)
        }),
        (
            "a_machine_never_started_is_closed",
            a_machine_never_started_is_closed,
        ),
        ("several_vcpus_end_together", several_vcpus_end_together),
        (
            "a_pause_holds_the_guest_still",
            a_pause_holds_the_guest_still,
        ),
        (
            "requests_that_do_not_fit_are_refused",
            requests_that_do_not_fit_are_refused,
        ),
        (
            "wild_register_accesses_are_survived",
            wild_register_accesses_are_survived,
        ),
        ("what_cannot_be_made_says_why", what_cannot_be_made_says_why),
        (
            "nothing_is_left_of_a_hundred_machines",
            nothing_is_left_of_a_hundred_machines,
        ),
    ];
    let missing = open_kvm().is_err();
    let trials = tests
        .iter()
        .map(|(name, test)| Trial::test(*name, test).with_ignored_flag(missing))
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn a_reset_ends_the_machine() -> Result<(), Failed> {
    let mut guest = Guest::boot(RESET, 1)?;
    check(guest.exit()?.kind, ExitKind::Reset)?;
    guest.machine.close()?;
    Ok(())
}

fn a_triple_fault_is_told_as_such() -> Result<(), Failed> {
    check(
        Guest::boot(UNDEFINED, 1)?.exit()?.kind,
        ExitKind::TripleFault,
    )
}

fn a_panic_is_told_with_its_reason() -> Result<(), Failed> {
    let text = b"Kernel panic - not syncing: of no importance\n";
    // lea rsi, [rip + text]; mov ecx, length; mov dx, 0x3f8; rep outsb; reset
    let mut code = vec![
        0x48,
        0x8d,
        0x35,
        17,
        0,
        0,
        0,
        0xb9,
        u8::try_from(text.len())?,
        0,
        0,
        0,
    ];
    code.extend([0x66, 0xba, 0xf8, 0x03, 0xf3, 0x6e]);
    code.extend(RESET);
    code.extend(text);
    let cause = Guest::boot(&code, 1)?.exit()?;
    check(
        cause,
        ExitCause {
            kind: ExitKind::GuestPanic,
            detail: "of no importance".into(),
        },
    )
}

fn killed(code: &[u8]) -> Result<(), Failed> {
    let mut guest = Guest::boot(code, 1)?;
    guest.stage("started")?;
    guest.machine.kill();
    check(guest.exit()?.kind, ExitKind::Killed)?;
    if guest.machine.console_tail(usize::MAX).len() > CONSOLE_BYTES {
        return Err("the console grew past its ring".into());
    }
    Ok(())
}

fn a_machine_never_started_is_closed() -> Result<(), Failed> {
    let before = resources()?;
    let mut guest = Guest::create(SPIN, 2)?;
    guest.machine.close()?;
    drop(guest);
    check(resources()?, before)
}

fn several_vcpus_end_together() -> Result<(), Failed> {
    // The others wait for the first to start them, which it does not.
    let mut guest = Guest::boot(RESET, 4)?;
    check(guest.exit()?.kind, ExitKind::Reset)?;
    guest.machine.close()?;
    Ok(())
}

fn a_pause_holds_the_guest_still() -> Result<(), Failed> {
    let guest = Guest::boot(FLOOD, 1)?;
    let deadline = Instant::now() + DEADLINE;
    while guest.machine.metrics().console_bytes == 0 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    for _ in 0..20 {
        guest.machine.pause()?;
        let written = guest.machine.metrics().console_bytes;
        (0..1000).for_each(|_| std::thread::yield_now());
        check(guest.machine.metrics().console_bytes, written)?;
        guest.machine.resume()?;
        while guest.machine.metrics().console_bytes == written {
            if Instant::now() > deadline {
                return Err("the guest does not go on".into());
            }
            std::thread::yield_now();
        }
    }
    Ok(())
}

fn requests_that_do_not_fit_are_refused() -> Result<(), Failed> {
    let guest = Guest::create(SPIN, 1)?;
    let refused = |result: Result<(), MachineError>| match result {
        Err(error) if error.code() == "WRONG_STATE" => Ok(()),
        other => Err(Failed::from(format!("{other:?}"))),
    };
    refused(guest.machine.pause())?;
    refused(guest.machine.resume())?;
    guest.machine.start()?;
    refused(guest.machine.start())?;
    guest.machine.pause()?;
    guest.machine.pause()?;
    guest.machine.resume()?;
    guest.machine.resume()?;
    guest.machine.kill();
    refused(guest.machine.pause())?;
    refused(guest.machine.resume())
}

/// Writes ones to each register of the three devices and beyond, and reads it.
fn wild_register_accesses_are_survived() -> Result<(), Failed> {
    let mut code = Vec::new();
    // Map the devices at 2 MiB: mov rax, entry; mov [0xb008], rax
    code.extend([
        0x48, 0xb8, 0x83, 0, 0, 0xd0, 0, 0, 0, 0, 0x48, 0x89, 0x04, 0x25, 0x08, 0xb0, 0, 0,
    ]);
    // mov edi, 0x200000
    code.extend([0xbf, 0, 0, 0x20, 0]);
    // mov dword [rdi], -1; mov eax, [rdi]; mov byte [rdi], 1; add edi, 4;
    // cmp edi, 0x204000; jb back
    code.extend([
        0xc7, 0x07, 0xff, 0xff, 0xff, 0xff, 0x8b, 0x07, 0xc6, 0x07, 0x01, 0x83, 0xc7, 0x04,
    ]);
    code.extend([0x81, 0xff, 0, 0x40, 0x20, 0, 0x72, 0xea]);
    code.extend(RESET);
    let mut guest = Guest::boot(&code, 1)?;
    check(guest.exit()?.kind, ExitKind::Reset)?;
    let exits = guest.machine.metrics().exits_mmio;
    if exits < 0x4000 / 4 * 2 {
        return Err(format!("only {exits} accesses").into());
    }
    Ok(())
}

fn what_cannot_be_made_says_why() -> Result<(), Failed> {
    let code = |config: &MachineConfig| match create(config) {
        Err(error) => Ok(error.code()),
        Ok(_) => Err(Failed::from("a machine was made")),
    };
    let kernel = elf(SPIN)?;
    let good = config(&kernel, 1);
    check(
        code(&MachineConfig {
            vcpus: 0,
            ..good.clone()
        })?,
        "INVALID_CONFIG",
    )?;
    check(
        code(&MachineConfig {
            kernel_path: "/nonexistent".into(),
            ..good.clone()
        })?,
        "KERNEL_UNREADABLE",
    )?;
    check(
        code(&MachineConfig {
            kernel_path: "/bin/sh".into(),
            ..good.clone()
        })?,
        "KERNEL_INVALID",
    )?;
    check(
        code(&MachineConfig {
            root_disk_path: Some("/nonexistent".into()),
            ..good.clone()
        })?,
        "DISK_UNREADABLE",
    )?;
    let odd = TempFile::new()?;
    odd.as_file().set_len(4096)?;
    let disk = MachineConfig {
        root_disk_path: Some(odd.as_path().into()),
        ..good.clone()
    };
    check(code(&disk)?, "DISK_INVALID")?;
    check(
        code(&MachineConfig {
            cmdline: "x".repeat(3000),
            ..good
        })?,
        "INVALID_CONFIG",
    )
}

fn nothing_is_left_of_a_hundred_machines() -> Result<(), Failed> {
    let before = resources()?;
    for round in 0..100 {
        let mut guest = Guest::boot(if round % 2 == 0 { RESET } else { SPIN }, 1 + round % 3)?;
        if round % 2 == 0 {
            guest.exit()?;
        }
    }
    check(resources()?, before)
}
