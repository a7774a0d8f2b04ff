//! The host probe on the machine at hand.

use std::path::Path;

use actovisor_quirks::{HostClass, KernelFlavour, Observations, decide, observe, probe};
use kvm_ioctls::Kvm;

fn kvm() -> Kvm {
    Kvm::new().expect("these tests need /dev/kvm")
}

#[test]
fn the_probe_agrees_with_its_own_observations() {
    let kvm = kvm();
    let profile = probe(&kvm).expect("the host can be classified");
    let (class, evidence) = decide(&observe(&kvm).expect("the host can be observed"));
    assert_eq!((profile.class, profile.evidence), (class, evidence));
    assert_eq!(profile.flavour, class.flavour());
}

#[test]
fn a_native_host_is_found_emulated_when_its_msr_is_ignored() {
    let seen = observe(&kvm()).expect("the host can be observed");
    let (class, _) = decide(&seen);
    let (without_msr, _) = decide(&Observations {
        native_mode_msr: None,
        ..seen
    });
    match class {
        HostClass::PvmNative => assert_eq!(without_msr, HostClass::PvmEmulated),
        other => assert_eq!(without_msr, other),
    }
}

/// What the host's own module says, where the host lets it be seen.
#[test]
fn the_probe_agrees_with_the_loaded_kvm_module() {
    let module = Path::new("/sys/module/kvm_pvm");
    let native = std::fs::read_to_string(module.join("parameters/pvm_native"));
    let expected = match (module.exists(), native.as_deref().map(str::trim)) {
        (false, _) => HostClass::Ordinary,
        (true, Ok("Y")) => HostClass::PvmNative,
        (true, _) => HostClass::PvmEmulated,
    };
    let profile = probe(&kvm()).expect("the host can be classified");
    assert_eq!(profile.class, expected, "{}", profile.evidence);
}

#[test]
fn only_native_hosts_run_the_pvm_flavour() {
    let profile = probe(&kvm()).expect("the host can be classified");
    assert_eq!(
        profile.flavour == KernelFlavour::Pvm,
        profile.class == HostClass::PvmNative
    );
}
