//! boot_params, the memory map, the command line and the random seed.

use linux_loader::bootparam::{boot_e820_entry, boot_params};
use vm_memory::{ByteValued, GuestMemoryMmap};

use super::write;
use crate::entropy;
use crate::error::CreateError;
use crate::layout::{
    BOOT_PARAMS, CMDLINE, CMDLINE_BYTES, HIGH_MEMORY_START, LOW_MEMORY_END, SETUP_DATA,
};

const BOOT_FLAG: u16 = 0xaa55;
/// "HdrS"
const HEADER_MAGIC: u32 = 0x5372_6448;
const LOADER_UNDEFINED: u8 = 0xff;
const KERNEL_ALIGNMENT: u32 = 0x100_0000;
const E820_RAM: u32 = 1;
/// SETUP_RNG_SEED of asm/setup_data.h.
const RNG_SEED: u32 = 9;
const SEED_BYTES: usize = 32;

/// What the kernel is told.
#[derive(Debug)]
pub(crate) struct BootParams<'a> {
    /// Guest physical ranges of RAM, start and length.
    pub ram: &'a [(u64, u64)],
    pub cmdline: &'a str,
}

/// Writes boot_params and what it points to.
pub(crate) fn write_boot_params(
    memory: &GuestMemoryMmap,
    given: &BootParams<'_>,
) -> Result<(), CreateError> {
    let cmdline_size = write_cmdline(memory, given.cmdline)?;
    write_seed(memory)?;
    let mut params = boot_params::default();
    params.hdr.boot_flag = BOOT_FLAG;
    params.hdr.header = HEADER_MAGIC;
    params.hdr.type_of_loader = LOADER_UNDEFINED;
    params.hdr.kernel_alignment = KERNEL_ALIGNMENT;
    params.hdr.cmd_line_ptr = u32::try_from(CMDLINE).unwrap_or(0);
    params.hdr.cmdline_size = cmdline_size;
    params.hdr.setup_data = SETUP_DATA;
    let map = memory_map(given.ram);
    for (entry, &(addr, size)) in params.e820_table.iter_mut().zip(&map) {
        *entry = boot_e820_entry {
            addr,
            size,
            r#type: E820_RAM,
        };
    }
    params.e820_entries = u8::try_from(map.len()).unwrap_or(0);
    write(memory, BOOT_PARAMS, params.as_slice())
}

/// RAM less the page of BIOS data and the hole below 1 MiB.
fn memory_map(ram: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut map = vec![(0, LOW_MEMORY_END)];
    for &(start, bytes) in ram {
        let from = start.max(HIGH_MEMORY_START);
        map.push((from, start + bytes - from));
    }
    map
}

fn write_cmdline(memory: &GuestMemoryMmap, cmdline: &str) -> Result<u32, CreateError> {
    if cmdline.len() >= CMDLINE_BYTES {
        return Err(CreateError::InvalidConfig {
            field: "cmdline",
            value: format!(
                "{} bytes long with the words of machine and host",
                cmdline.len()
            ),
            expected: format!("less than {CMDLINE_BYTES} bytes"),
        });
    }
    write(memory, CMDLINE, cmdline.as_bytes())?;
    write(memory, CMDLINE + cmdline.len() as u64, &[0])?;
    Ok(u32::try_from(cmdline.len()).unwrap_or(0))
}

/// One setup_data node with bytes of the host's random number generator, so
/// that the guest's generator is ready at once and differs between guests.
fn write_seed(memory: &GuestMemoryMmap) -> Result<(), CreateError> {
    let mut node = [0; 16 + SEED_BYTES];
    node[8..12].copy_from_slice(&RNG_SEED.to_le_bytes());
    node[12..16].copy_from_slice(&u32::try_from(SEED_BYTES).unwrap_or(0).to_le_bytes());
    entropy::fill(&mut node[16..]).map_err(|source| CreateError::Kvm {
        call: "getrandom",
        source,
    })?;
    write(memory, SETUP_DATA, &node)
}

#[cfg(test)]
mod tests {
    use vm_memory::{Bytes, GuestAddress};

    use super::*;
    use crate::memory::map_ram;

    #[test]
    fn writes_the_map_and_the_command_line() {
        let memory = map_ram(64).unwrap();
        let given = BootParams {
            ram: &[(0, 64 << 20)],
            cmdline: "console=ttyS0",
        };
        write_boot_params(&memory, &given).unwrap();
        let params: boot_params = memory.read_obj(GuestAddress(BOOT_PARAMS)).unwrap();
        assert_eq!(params.e820_entries, 2);
        let high = params.e820_table[1];
        assert_eq!((high.addr, high.size), (HIGH_MEMORY_START, (63 << 20)));
        let mut text = [0; 14];
        memory.read_slice(&mut text, GuestAddress(CMDLINE)).unwrap();
        assert_eq!(&text, b"console=ttyS0\0");
    }

    #[test]
    fn refuses_a_long_command_line() {
        let memory = map_ram(64).unwrap();
        let given = BootParams {
            ram: &[(0, 64 << 20)],
            cmdline: &"x".repeat(CMDLINE_BYTES),
        };
        assert!(
            write_boot_params(&memory, &given)
                .unwrap_err()
                .to_string()
                .contains("less than 2048")
        );
    }
}
