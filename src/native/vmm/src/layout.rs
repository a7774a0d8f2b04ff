//! Where things lie in guest physical memory.
//!
//! ```text
//! 0x0000_0000  MP floating pointer, GDT, MP table      (one page)
//! 0x0000_7000  boot_params, then page tables, command line, setup data
//! 0x0010_0000  RAM; the kernel at its own load address
//! 0xC000_0000  end of low RAM, start of the device hole
//! 0xD000_0000  virtio-mmio devices, 4 KiB each
//! 0xFEC0_0000  IOAPIC; 0xFEE0_0000 local APIC (in the kernel of the host)
//! 4 GiB        the rest of RAM
//! above RAM    virtio-pmem, aligned to 1 GiB
//! ```

/// The MP floating pointer structure: the first place where Linux looks.
pub const MP_POINTER: u64 = 0x0;
/// The GDT that the vCPUs start with.
pub const GDT: u64 = 0x500;
/// The MP configuration table, up to the end of the first page.
pub const MP_TABLE: u64 = 0x800;
/// Bytes that the MP table may take.
pub const MP_TABLE_BYTES: usize = 0x800;
/// boot_params, the "zero page".
pub const BOOT_PARAMS: u64 = 0x7000;
/// Initial stack pointer; nothing is pushed before the kernel sets its own.
pub const BOOT_STACK: u64 = 0x8ff0;
/// Identity page tables of the first GiB: PML4, PDPT, PD.
pub const PML4: u64 = 0x9000;
/// See [`PML4`].
pub const PDPT: u64 = 0xa000;
/// See [`PML4`].
pub const PAGE_DIRECTORY: u64 = 0xb000;
/// setup_data with the seed of the random number generator.
pub const SETUP_DATA: u64 = 0xc000;
/// The kernel command line.
pub const CMDLINE: u64 = 0x2_0000;
/// Bytes of the command line with its NUL; COMMAND_LINE_SIZE of Linux on x86.
pub const CMDLINE_BYTES: usize = 2048;
/// End of conventional memory as e820 tells it.
pub const LOW_MEMORY_END: u64 = 0x9_fc00;
/// Start of extended memory.
pub const HIGH_MEMORY_START: u64 = 0x10_0000;
/// End of the RAM below the device hole.
pub const HOLE_START: u64 = 0xc000_0000;
/// End of the device hole.
pub const HOLE_END: u64 = 0x1_0000_0000;
/// First virtio-mmio device.
pub const MMIO_BASE: u64 = 0xd000_0000;
/// Distance of virtio-mmio devices.
pub const MMIO_STRIDE: u64 = 0x1000;
/// GSI of the first virtio-mmio device; the next ones follow.
pub const MMIO_FIRST_GSI: u32 = 5;
/// Alignment of virtio-pmem regions.
pub const PMEM_ALIGN: u64 = 1 << 30;
/// Where KVM keeps three pages for real mode on Intel hosts.
pub const KVM_TSS: usize = 0xfffb_d000;
/// GSI of the interval timer.
pub const TIMER_GSI: u32 = 0;
/// First port of the 16550 serial port.
pub const SERIAL_PORT: u16 = 0x3f8;
/// GSI of the serial port.
pub const SERIAL_GSI: u32 = 4;
/// First port of the i8042 keyboard controller, which resets the machine.
pub const I8042_PORT: u16 = 0x60;
