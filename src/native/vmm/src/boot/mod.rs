//! The 64-bit boot protocol of Linux: what lies in memory and in the registers
//! when the first instruction runs.
//!
//! Source: Documentation/arch/x86/boot.rst of Linux, "64-bit Boot Protocol".

mod kernel;
mod mp_table;
mod params;
mod registers;

use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use crate::error::CreateError;

pub(crate) use kernel::load_kernel;
pub(crate) use mp_table::write_mp_table;
pub(crate) use params::{BootParams, write_boot_params};
pub(crate) use registers::{boot_registers, boot_special_registers, write_boot_tables};

fn write(memory: &GuestMemoryMmap, address: u64, bytes: &[u8]) -> Result<(), CreateError> {
    memory
        .write_slice(bytes, GuestAddress(address))
        .map_err(|error| CreateError::Memory {
            address,
            reason: error.to_string(),
        })
}
