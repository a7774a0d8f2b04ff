//! What the probe leaves behind; alone in its process, so that nothing else opens files meanwhile.

use actovisor_quirks::probe;
use kvm_ioctls::Kvm;

#[test]
fn the_probe_leaves_no_descriptor_and_no_mapping() {
    let kvm = Kvm::new().expect("this test needs /dev/kvm");
    probe(&kvm).expect("the host can be classified");
    let before = (entries("/proc/self/fd"), kvm_mappings());
    for _ in 0..20 {
        probe(&kvm).expect("the host can be classified");
    }
    assert_eq!((entries("/proc/self/fd"), kvm_mappings()), before);
}

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).expect("/proc is mounted").count()
}

fn kvm_mappings() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc is mounted");
    maps.lines().filter(|line| line.contains("kvm")).count()
}
