//! The floor under creating a machine: the KVM calls and mappings alone, with
//! nothing of the monitor. Prints one JSON array of nanoseconds per round, from
//! before the open of /dev/kvm to the return of the first KVM_RUN, whose guest
//! writes one byte to a port.
//!
//! `floor ROUNDS MEMORY_MIB KERNEL DISK`; the kernel's and disk's files are
//! mapped as a machine maps them.

use std::error::Error;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::time::Instant;

use kvm_bindings::{
    KVM_MAX_CPUID_ENTRIES, KVM_MEM_READONLY, kvm_pit_config, kvm_regs, kvm_userspace_memory_region,
};
use kvm_ioctls::{Kvm, VcpuExit};

/// out 0xf4, al
const CODE: [u8; 2] = [0xe6, 0xf4];
const CODE_AT: u64 = 0x1000;
const KERNEL_AT: usize = 0x100_0000;
const DISK_AT: u64 = 1 << 32;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rounds, memory, kernel, disk] = arguments.as_slice() else {
        return Err("usage: floor ROUNDS MEMORY_MIB KERNEL DISK".into());
    };
    let bytes = memory.parse::<usize>()? << 20;
    let mut nanoseconds = Vec::new();
    for _ in 0..rounds.parse()? {
        nanoseconds.push(round(bytes, kernel, disk)?.to_string());
    }
    println!("[{}]", nanoseconds.join(","));
    Ok(())
}

fn round(bytes: usize, kernel: &str, disk: &str) -> Result<u128, Box<dyn Error>> {
    let begin = Instant::now();
    let kvm = Kvm::new()?;
    let vm = kvm.create_vm()?;
    vm.set_tss_address(0xfffb_d000)?;
    vm.create_irq_chip()?;
    vm.create_pit2(kvm_pit_config::default())?;
    let ram = Mapping::anonymous(bytes)?;
    let kernel = File::open(kernel)?;
    ram.overlay(KERNEL_AT, &kernel)?;
    let disk = Mapping::of(&File::open(disk)?)?;
    ram.write(CODE_AT, &CODE);
    let slots = [(0, 0, &ram), (KVM_MEM_READONLY, DISK_AT, &disk)];
    for (slot, (flags, guest_phys_addr, mapping)) in (0..).zip(slots) {
        let region = kvm_userspace_memory_region {
            slot,
            flags,
            guest_phys_addr,
            memory_size: mapping.bytes as u64,
            userspace_addr: mapping.address as u64,
        };
        // SAFETY: the mappings live until the end of this function, the VM is
        // dropped before them.
        unsafe { vm.set_user_memory_region(region)? };
    }
    let mut vcpu = vm.create_vcpu(0)?;
    vcpu.set_cpuid2(&kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)?)?;
    let mut sregs = vcpu.get_sregs()?;
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    vcpu.set_sregs(&sregs)?;
    vcpu.set_regs(&kvm_regs {
        rip: CODE_AT,
        rflags: 2,
        ..Default::default()
    })?;
    match vcpu.run()? {
        VcpuExit::IoOut(0xf4, _) => {}
        other => return Err(format!("unexpected exit {other:?}").into()),
    }
    let elapsed = begin.elapsed().as_nanos();
    drop(vcpu);
    drop(vm);
    Ok(elapsed)
}

struct Mapping {
    address: *mut libc::c_void,
    bytes: usize,
}

impl Mapping {
    fn anonymous(bytes: usize) -> std::io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping at an address of the kernel's choosing.
        let address = unsafe { libc::mmap(std::ptr::null_mut(), bytes, PROTECTION, flags, -1, 0) };
        Self::checked(address, bytes)
    }

    fn of(file: &File) -> Result<Self, Box<dyn Error>> {
        let bytes = usize::try_from(file.metadata()?.len())?;
        let (null, fd) = (std::ptr::null_mut(), file.as_raw_fd());
        // SAFETY: a new mapping at an address of the kernel's choosing.
        let address = unsafe { libc::mmap(null, bytes, libc::PROT_READ, libc::MAP_SHARED, fd, 0) };
        Ok(Self::checked(address, bytes)?)
    }

    fn overlay(&self, at: usize, file: &File) -> Result<(), Box<dyn Error>> {
        let length = usize::try_from(file.metadata()?.len())?;
        assert!(at + length <= self.bytes, "the kernel fits");
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED;
        // SAFETY: the range lies in this mapping, which nothing else uses yet.
        let mapped = unsafe {
            libc::mmap(
                self.address.byte_add(at),
                length,
                PROTECTION,
                flags,
                file.as_raw_fd(),
                0,
            )
        };
        if mapped == libc::MAP_FAILED {
            Err(std::io::Error::last_os_error().into())
        } else {
            Ok(())
        }
    }

    fn write(&self, at: u64, bytes: &[u8]) {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        assert!(at + bytes.len() <= self.bytes, "the code fits");
        // SAFETY: the range lies in this mapping; no vCPU runs yet.
        unsafe {
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                self.address.cast::<u8>().add(at),
                bytes.len(),
            );
        };
    }

    fn checked(address: *mut libc::c_void, bytes: usize) -> std::io::Result<Self> {
        if address == libc::MAP_FAILED {
            Err(std::io::Error::last_os_error())
        } else {
            Ok(Self { address, bytes })
        }
    }
}

const PROTECTION: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping of this object, which the VM no longer uses.
        unsafe { libc::munmap(self.address, self.bytes) };
    }
}
