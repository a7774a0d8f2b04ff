//! The MP table, which tells the kernel its CPUs and interrupt lines.
//!
//! Source: Intel MultiProcessor Specification 1.4, chapter 4. Without it (and
//! without ACPI) Linux scans 64 KiB of BIOS memory for one.

use vm_memory::GuestMemoryMmap;

use super::write;
use crate::error::CreateError;
use crate::layout::{MP_POINTER, MP_TABLE, MP_TABLE_BYTES};

const SPEC_REVISION: u8 = 4;
const LOCAL_APIC: u32 = 0xfee0_0000;
const IO_APIC: u32 = 0xfec0_0000;
const APIC_VERSION: u8 = 0x14;
const IO_APIC_VERSION: u8 = 0x11;
const CPU_ENABLED: u8 = 1;
const CPU_BOOT: u8 = 2;
/// Family 6 and the features FPU and APIC: Linux reads CPUID for the rest.
const CPU_SIGNATURE: u32 = 0x600;
const CPU_FEATURES: u32 = 0x201;
const HEADER_BYTES: usize = 44;

/// Writes the floating pointer and the table for `vcpus` CPUs and the interrupt
/// lines `gsis`. Linux sets up each pin that the table names, and an access to the
/// I/O APIC is dear on some hosts: lines that nothing is wired to stay out.
pub(crate) fn write_mp_table(
    memory: &GuestMemoryMmap,
    vcpus: u8,
    gsis: &[u8],
) -> Result<(), CreateError> {
    let table = mp_table(vcpus, gsis);
    debug_assert!(table.len() <= MP_TABLE_BYTES, "MAX_VCPUS keeps it below");
    write(memory, MP_TABLE, &table)?;
    write(memory, MP_POINTER, &floating_pointer())
}

fn floating_pointer() -> [u8; 16] {
    let mut pointer = [0; 16];
    pointer[..4].copy_from_slice(b"_MP_");
    pointer[4..8].copy_from_slice(&u32::try_from(MP_TABLE).unwrap_or(0).to_le_bytes());
    pointer[8] = 1;
    pointer[9] = SPEC_REVISION;
    pointer[10] = checksum(&pointer);
    pointer
}

fn mp_table(vcpus: u8, gsis: &[u8]) -> Vec<u8> {
    let io_apic_id = vcpus;
    let mut entries: Vec<Vec<u8>> = (0..vcpus).map(cpu_entry).collect();
    entries.push([&[1, 0], b"ISA   ".as_slice()].concat());
    entries.push(
        [
            &[2, io_apic_id, IO_APIC_VERSION, 1],
            IO_APIC.to_le_bytes().as_slice(),
        ]
        .concat(),
    );
    let lines = gsis.iter();
    entries.extend(lines.map(|gsi| vec![3, 0, 0, 0, 0, *gsi, io_apic_id, *gsi]));
    // Local interrupts: ExtINT on LINT0 of CPU 0, NMI on LINT1 of all.
    entries.push(vec![4, 3, 0, 0, 0, 0, 0, 0]);
    entries.push(vec![4, 1, 0, 0, 0, 0, 0xff, 1]);
    let body = entries.concat();
    let length = u16::try_from(HEADER_BYTES + body.len()).unwrap_or(u16::MAX);
    let mut table = [
        b"PCMP".as_slice(),
        &length.to_le_bytes(),
        &[SPEC_REVISION, 0],
    ]
    .concat();
    table.extend(b"ACTOVISRMICROVM     ");
    table.extend([0; 6]);
    table.extend(
        u16::try_from(entries.len())
            .unwrap_or(u16::MAX)
            .to_le_bytes(),
    );
    table.extend(LOCAL_APIC.to_le_bytes());
    table.extend([0; 4]);
    table.extend(body);
    table[7] = checksum(&table);
    table
}

fn cpu_entry(id: u8) -> Vec<u8> {
    let flags = CPU_ENABLED | if id == 0 { CPU_BOOT } else { 0 };
    let mut entry = vec![0, id, APIC_VERSION, flags];
    entry.extend(CPU_SIGNATURE.to_le_bytes());
    entry.extend(CPU_FEATURES.to_le_bytes());
    entry.extend([0; 8]);
    entry
}

/// The byte that makes the sum of all bytes zero.
fn checksum(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0u8, |sum, byte| sum.wrapping_add(*byte))
        .wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MAX_VCPUS;

    #[test]
    fn adds_up_to_zero_and_fits() {
        for vcpus in [1, 2, u8::try_from(MAX_VCPUS).unwrap()] {
            let table = mp_table(vcpus, &[0, 4, 5]);
            assert_eq!(checksum(&table), 0);
            assert!(table.len() <= MP_TABLE_BYTES, "{} bytes", table.len());
            assert_eq!(
                usize::from(u16::from_le_bytes([table[4], table[5]])),
                table.len()
            );
            assert_eq!(table.len(), HEADER_BYTES + 20 * usize::from(vcpus) + 8 * 7);
        }
        assert_eq!(checksum(&floating_pointer()), 0);
    }
}
