//! What a machine is made of.

use std::path::PathBuf;

use actovisor_quirks::KernelFlavour;

use crate::error::CreateError;

/// The most vCPUs of one machine: what the MP table in the first page and the
/// local APIC's 8-bit ids hold with room to spare.
pub const MAX_VCPUS: u32 = 64;
/// The least memory that the guest kernel boots in.
pub const MIN_MEMORY_MIB: u64 = 32;

/// A machine to create.
#[derive(Debug, Clone)]
pub struct MachineConfig {
    /// 1 to 8 of `[a-z0-9]`; part of the names of the vCPU threads.
    pub id: String,
    /// An uncompressed x86-64 ELF kernel. Its pages are mapped, not copied: the
    /// file may be replaced by a rename but must not be truncated.
    pub kernel_path: PathBuf,
    /// Which kind of kernel that is.
    pub flavour: KernelFlavour,
    /// Words for the end of the kernel command line.
    pub cmdline: String,
    /// RAM in MiB.
    pub memory_mib: u64,
    /// Number of vCPUs.
    pub vcpus: u32,
    /// Read-only image of the root file system.
    pub root_disk_path: Option<PathBuf>,
    /// Context id of the guest on its vsock.
    pub guest_cid: u64,
    /// Bytes of the serial console that are kept.
    pub console_bytes: usize,
}

impl MachineConfig {
    /// Checks every value against its range.
    pub fn validate(&self) -> Result<(), CreateError> {
        let id_ok = (1..=8).contains(&self.id.len())
            && self
                .id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        check(id_ok, "id", &self.id, "1 to 8 of [a-z0-9]")?;
        check(
            (1..=MAX_VCPUS).contains(&self.vcpus),
            "vcpus",
            &self.vcpus,
            "1 to 64",
        )?;
        let host = host_memory_mib();
        if !(MIN_MEMORY_MIB..=host).contains(&self.memory_mib) {
            return Err(CreateError::InvalidConfig {
                field: "memoryMib",
                value: self.memory_mib.to_string(),
                expected: format!("{MIN_MEMORY_MIB} to {host}, the RAM of this host"),
            });
        }
        let cid_ok = (3..u64::from(u32::MAX)).contains(&self.guest_cid);
        check(cid_ok, "guestCid", &self.guest_cid, "3 to 4294967294")?;
        let console_ok = (1024..=16 << 20).contains(&self.console_bytes);
        check(
            console_ok,
            "consoleBytes",
            &self.console_bytes,
            "1 KiB to 16 MiB",
        )?;
        check(
            !self.cmdline.contains('\0'),
            "cmdline",
            &self.cmdline,
            "no NUL byte",
        )
    }
}

fn check(
    ok: bool,
    field: &'static str,
    value: &dyn ToString,
    expected: &str,
) -> Result<(), CreateError> {
    if ok {
        return Ok(());
    }
    Err(CreateError::InvalidConfig {
        field,
        value: value.to_string(),
        expected: expected.to_owned(),
    })
}

fn host_memory_mib() -> u64 {
    // SAFETY: sysconf takes no pointers and has no side effects.
    let (pages, size) = unsafe {
        (
            libc::sysconf(libc::_SC_PHYS_PAGES),
            libc::sysconf(libc::_SC_PAGESIZE),
        )
    };
    let bytes = u64::try_from(pages)
        .unwrap_or(0)
        .saturating_mul(u64::try_from(size).unwrap_or(0));
    bytes >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> MachineConfig {
        MachineConfig {
            id: "vm1".into(),
            kernel_path: "/vmlinux".into(),
            flavour: KernelFlavour::Standard,
            cmdline: String::new(),
            memory_mib: 128,
            vcpus: 1,
            root_disk_path: None,
            guest_cid: 3,
            console_bytes: 65_536,
        }
    }

    fn refused(change: impl FnOnce(&mut MachineConfig)) -> &'static str {
        let mut changed = config();
        change(&mut changed);
        match changed.validate() {
            Err(CreateError::InvalidConfig { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_the_field_that_is_out_of_range() {
        assert!(config().validate().is_ok());
        assert_eq!(refused(|c| c.vcpus = 0), "vcpus");
        assert_eq!(refused(|c| c.vcpus = 10_000), "vcpus");
        assert_eq!(refused(|c| c.memory_mib = 0), "memoryMib");
        assert_eq!(refused(|c| c.memory_mib = 1 << 40), "memoryMib");
        assert_eq!(refused(|c| c.id = "Not Good".into()), "id");
        assert_eq!(refused(|c| c.id = String::new()), "id");
        assert_eq!(refused(|c| c.guest_cid = 2), "guestCid");
        assert_eq!(refused(|c| c.console_bytes = 0), "consoleBytes");
        assert_eq!(refused(|c| c.cmdline = "a\0b".into()), "cmdline");
    }
}
