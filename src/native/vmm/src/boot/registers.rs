//! The registers and tables that a vCPU starts with in 64-bit mode.

use kvm_bindings::{kvm_regs, kvm_segment, kvm_sregs};
use vm_memory::GuestMemoryMmap;

use super::write;
use crate::error::CreateError;
use crate::layout::{BOOT_PARAMS, BOOT_STACK, GDT, PAGE_DIRECTORY, PDPT, PML4};

const CR0_PE: u64 = 1;
const CR0_ET: u64 = 1 << 4;
const CR0_PG: u64 = 1 << 31;
const CR4_PAE: u64 = 1 << 5;
const EFER_LME: u64 = 1 << 8;
const EFER_LMA: u64 = 1 << 10;
/// Present, writable.
const TABLE: u64 = 0b11;
/// Present, writable, 2 MiB.
const LARGE_PAGE: u64 = 0b1000_0011;
/// Null, unused, code at 0x10 and data at 0x18 as the protocol wants, TSS at 0x20.
const DESCRIPTORS: [u64; 5] = [
    0,
    0,
    0x00af_9b00_0000_ffff,
    0x00cf_9300_0000_ffff,
    0x008f_8b00_0000_ffff,
];
const CODE_SELECTOR: u16 = 0x10;
const DATA_SELECTOR: u16 = 0x18;
const TSS_SELECTOR: u16 = 0x20;

/// Writes the GDT and page tables that map the first GiB one to one.
pub(crate) fn write_boot_tables(memory: &GuestMemoryMmap) -> Result<(), CreateError> {
    let bytes = |words: &[u64]| {
        words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    write(memory, GDT, &bytes(&DESCRIPTORS))?;
    write(memory, PML4, &bytes(&[PDPT | TABLE]))?;
    write(memory, PDPT, &bytes(&[PAGE_DIRECTORY | TABLE]))?;
    let directory: Vec<u64> = (0..512).map(|index| index << 21 | LARGE_PAGE).collect();
    write(memory, PAGE_DIRECTORY, &bytes(&directory))
}

/// General registers: entry point, boot_params in RSI, interrupts off.
pub(crate) fn boot_registers(entry: u64) -> kvm_regs {
    kvm_regs {
        rip: entry,
        rsp: BOOT_STACK,
        rbp: BOOT_STACK,
        rsi: BOOT_PARAMS,
        rflags: 2,
        ..Default::default()
    }
}

/// Long mode with paging on, over the state that KVM resets a vCPU to.
pub(crate) fn boot_special_registers(reset: kvm_sregs) -> kvm_sregs {
    let mut sregs = reset;
    sregs.cr0 = CR0_PE | CR0_ET | CR0_PG;
    sregs.cr3 = PML4;
    sregs.cr4 = CR4_PAE;
    sregs.efer = EFER_LME | EFER_LMA;
    sregs.gdt.base = GDT;
    sregs.gdt.limit = 5 * 8 - 1;
    sregs.idt.base = 0;
    sregs.idt.limit = 0;
    let code = segment(CODE_SELECTOR, 0xb, true);
    let data = kvm_segment {
        db: 1,
        ..segment(DATA_SELECTOR, 0x3, true)
    };
    sregs.cs = kvm_segment { l: 1, ..code };
    (sregs.ds, sregs.es, sregs.fs, sregs.gs, sregs.ss) = (data, data, data, data, data);
    sregs.tr = kvm_segment {
        limit: 0xf_ffff,
        ..segment(TSS_SELECTOR, 0xb, false)
    };
    sregs
}

fn segment(selector: u16, type_: u8, code_or_data: bool) -> kvm_segment {
    kvm_segment {
        base: 0,
        limit: 0xffff_ffff,
        selector,
        type_,
        present: 1,
        s: u8::from(code_or_data),
        g: 1,
        ..Default::default()
    }
}
