//! `probeHost` of the contract, and what VMs share: /dev/kvm and its probe.

use std::sync::{Arc, Mutex, PoisonError};

use actovisor_vmm::{CreateError, HostFacts, guest_profile, probe_host as probe};
use napi_derive::napi;

use crate::errors::{Coded, of_create};

/// See `native.ts`.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct HostProbe {
    pub host_class: String,
    pub evidence: String,
    pub flavour: String,
    pub kvm_api_version: i32,
    pub max_vcpus: u32,
    pub cpu_vendor: String,
    pub cpu_model: String,
    pub quirks: Vec<String>,
}

/// See `native.ts`.
#[napi(catch_unwind)]
pub fn probe_host() -> Result<HostProbe, Coded> {
    let facts = host_facts().map_err(|error| of_create(&error))?;
    let profile = &facts.profile;
    let names = guest_profile(profile.class, profile.flavour).map_or(&[][..], |guest| guest.names);
    Ok(HostProbe {
        host_class: profile.class.to_string(),
        evidence: profile.evidence.clone(),
        flavour: profile.flavour.to_string(),
        kvm_api_version: facts.api_version,
        max_vcpus: facts.max_vcpus,
        cpu_vendor: cpu_field("vendor_id"),
        cpu_model: cpu_field("model name"),
        quirks: names.iter().map(|name| (*name).to_owned()).collect(),
    })
}

/// The probe's answer, found once per process: a host does not change its class
/// while a process runs. A failure is not kept.
pub(crate) fn host_facts() -> Result<Arc<HostFacts>, CreateError> {
    static FACTS: Mutex<Option<Arc<HostFacts>>> = Mutex::new(None);
    let mut facts = FACTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = facts.as_ref() {
        return Ok(Arc::clone(known));
    }
    let found = Arc::new(probe()?);
    *facts = Some(Arc::clone(&found));
    Ok(found)
}

/// A field of the first CPU in /proc/cpuinfo, or "unknown".
fn cpu_field(name: &str) -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    });
    field.unwrap_or_else(|| "unknown".to_owned())
}
