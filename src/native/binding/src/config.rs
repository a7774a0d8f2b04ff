//! `VmConfig` of the contract.

use actovisor_vmm::{KernelFlavour, MachineConfig};
use napi_derive::napi;

use crate::errors::{Coded, invalid};

/// See `native.ts`.
#[napi(object, object_to_js = false, use_nullable = true)]
#[derive(Debug)]
pub struct VmConfig {
    pub id: String,
    pub kernel_path: String,
    pub flavour: String,
    pub cmdline: String,
    pub memory_mib: f64,
    pub vcpus: f64,
    pub root_disk_path: Option<String>,
    pub guest_cid: f64,
    pub console_bytes: f64,
}

impl VmConfig {
    pub(crate) fn into_machine_config(self) -> Result<MachineConfig, Coded> {
        let flavour = match self.flavour.as_str() {
            "standard" => KernelFlavour::Standard,
            "pvm" => KernelFlavour::Pvm,
            other => return Err(invalid("flavour", other, "standard or pvm")),
        };
        let narrow = |field, value| {
            u32::try_from(whole(field, value)?).map_err(|_| invalid(field, value, "less than 2^32"))
        };
        Ok(MachineConfig {
            id: self.id,
            kernel_path: self.kernel_path.into(),
            flavour,
            cmdline: self.cmdline,
            memory_mib: whole("memoryMib", self.memory_mib)?,
            vcpus: narrow("vcpus", self.vcpus)?,
            root_disk_path: self.root_disk_path.map(Into::into),
            guest_cid: whole("guestCid", self.guest_cid)?,
            console_bytes: usize::try_from(narrow("consoleBytes", self.console_bytes)?)
                .unwrap_or(usize::MAX),
        })
    }
}

/// A JavaScript number that must be a whole one.
fn whole(field: &str, value: f64) -> Result<u64, Coded> {
    /// 2^53 - 1
    const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
    if !(0.0..=MAX_SAFE_INTEGER).contains(&value) || value.fract() != 0.0 {
        return Err(invalid(field, value, "a whole number, 0 or more"));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(value as u64)
}
