use std::time::{Duration, Instant};

use kvm_bindings::{KVM_MAX_CPUID_ENTRIES, kvm_regs, kvm_segment, kvm_userspace_memory_region};
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd, VmFd};
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

use super::ProbeError;
use crate::assist::RefusedInstruction;

const MEMORY_BYTES: usize = 0x5000;
const PML4: u64 = 0x1000;
const PDPT: u64 = 0x2000;
const PAGE_DIRECTORY: u64 = 0x3000;
const CODE: u64 = 0x4000;
const RESULT_PORT: u16 = 0xf4;
/// Where KVM keeps the pages it needs on Intel CPUs: unused here, but it wants to know.
const TSS_ADDRESS: usize = 0xfffb_d000;
/// The guest runs for microseconds; a host that is busy may take a thousand times as long.
const DEADLINE: Duration = Duration::from_secs(1);

/// `popcnt rax, rbx; fninit; fwait; out 0xf4, al`: x86-64 hardware runs it, KVM's emulator refuses.
const PROGRAM: [u8; 10] = [0xf3, 0x48, 0x0f, 0xb8, 0xc3, 0xdb, 0xe3, 0x9b, 0xe6, 0xf4];
const OPERAND: u64 = 0xff;
const RESULT: u8 = 8;

/// How the micro-guest ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MicroGuestRun {
    /// Every instruction ran.
    Completed,
    /// The host's emulator refused an instruction.
    Refused {
        /// The instruction's bytes as the host gave them.
        bytes: Vec<u8>,
    },
}

/// A guest of four instructions in 64-bit kernel mode, with no interrupt controller to wait on.
pub(super) struct MicroGuest {
    // Fields drop in this order: the vCPU and the VM go before the memory they map.
    vcpu: VcpuFd,
    _vm: VmFd,
    _memory: GuestMemoryMmap<()>,
}

impl MicroGuest {
    pub(super) fn new(kvm: &Kvm) -> Result<Self, ProbeError> {
        let vm = kvm.create_vm().map_err(failed("KVM_CREATE_VM"))?;
        vm.set_tss_address(TSS_ADDRESS)
            .map_err(failed("KVM_SET_TSS_ADDR"))?;
        let memory = load()?;
        map(&vm, &memory)?;
        let vcpu = vm.create_vcpu(0).map_err(failed("KVM_CREATE_VCPU"))?;
        let cpuid = kvm
            .get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)
            .map_err(failed("KVM_GET_SUPPORTED_CPUID"))?;
        vcpu.set_cpuid2(&cpuid).map_err(failed("KVM_SET_CPUID2"))?;
        enter_long_mode(&vcpu)?;
        Ok(Self {
            vcpu,
            _vm: vm,
            _memory: memory,
        })
    }

    pub(super) fn vcpu(&self) -> &VcpuFd {
        &self.vcpu
    }

    /// Runs the guest to its end. It has no loop and cannot halt, so KVM_RUN always comes back.
    pub(super) fn run(&mut self) -> Result<MicroGuestRun, ProbeError> {
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            match self.vcpu.run() {
                Ok(VcpuExit::IoOut(RESULT_PORT, [RESULT])) => return Ok(MicroGuestRun::Completed),
                Ok(VcpuExit::InternalError) => return refused(&mut self.vcpu),
                Ok(exit) => {
                    return Err(ProbeError::UnexpectedExit {
                        exit: format!("{exit:?}"),
                    });
                }
                Err(error) if [libc::EINTR, libc::EAGAIN].contains(&error.errno()) => {}
                Err(source) => {
                    return Err(ProbeError::Kvm {
                        call: "KVM_RUN",
                        source,
                    });
                }
            }
        }
        Err(ProbeError::Deadline {
            millis: DEADLINE.as_millis(),
        })
    }
}

fn load() -> Result<GuestMemoryMmap<()>, ProbeError> {
    let failed = |reason: String| ProbeError::Memory {
        bytes: MEMORY_BYTES,
        reason,
    };
    let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), MEMORY_BYTES)])
        .map_err(|error| failed(error.to_string()))?;
    let present_writable = 0b11;
    let large_page = 1 << 7;
    for (table, entry) in [
        (PML4, PDPT | present_writable),
        (PDPT, PAGE_DIRECTORY | present_writable),
        (PAGE_DIRECTORY, large_page | present_writable),
    ] {
        memory
            .write_obj(entry, GuestAddress(table))
            .map_err(|error| failed(error.to_string()))?;
    }
    memory
        .write_slice(&PROGRAM, GuestAddress(CODE))
        .map_err(|error| failed(error.to_string()))?;
    Ok(memory)
}

fn map(vm: &VmFd, memory: &GuestMemoryMmap<()>) -> Result<(), ProbeError> {
    for region in memory.iter() {
        let slot = kvm_userspace_memory_region {
            guest_phys_addr: region.start_addr().0,
            memory_size: region.len(),
            userspace_addr: region.as_ptr() as u64,
            ..Default::default()
        };
        // SAFETY: the mapping belongs to `memory`, which the micro-guest drops after its VM.
        unsafe { vm.set_user_memory_region(slot) }.map_err(failed("KVM_SET_USER_MEMORY_REGION"))?;
    }
    Ok(())
}

fn enter_long_mode(vcpu: &VcpuFd) -> Result<(), ProbeError> {
    let mut sregs = vcpu.get_sregs().map_err(failed("KVM_GET_SREGS"))?;
    let data = kvm_segment {
        limit: u32::MAX,
        selector: 0x10,
        type_: 3,
        present: 1,
        db: 1,
        s: 1,
        g: 1,
        ..Default::default()
    };
    sregs.cs = kvm_segment {
        selector: 8,
        type_: 11,
        db: 0,
        l: 1,
        ..data
    };
    (sregs.ds, sregs.es, sregs.fs, sregs.gs, sregs.ss) = (data, data, data, data, data);
    sregs.tr = kvm_segment {
        limit: 0x67,
        selector: 0x18,
        type_: 11,
        present: 1,
        ..Default::default()
    };
    sregs.cr3 = PML4;
    sregs.cr4 = 0x20; // PAE
    sregs.cr0 = 0x8000_0031; // PG, NE, ET, PE
    sregs.efer = 0x500; // LMA, LME
    vcpu.set_sregs(&sregs).map_err(failed("KVM_SET_SREGS"))?;
    let regs = kvm_regs {
        rip: CODE,
        rbx: OPERAND,
        rflags: 2,
        ..Default::default()
    };
    vcpu.set_regs(&regs).map_err(failed("KVM_SET_REGS"))
}

fn refused(vcpu: &mut VcpuFd) -> Result<MicroGuestRun, ProbeError> {
    let refused = RefusedInstruction::read(vcpu.get_kvm_run());
    if !refused.is_emulation_failure() {
        let exit = format!("KVM_EXIT_INTERNAL_ERROR, suberror {}", refused.suberror);
        return Err(ProbeError::UnexpectedExit { exit });
    }
    Ok(MicroGuestRun::Refused {
        bytes: refused.bytes().to_vec(),
    })
}

fn failed(call: &'static str) -> impl Fn(kvm_ioctls::Error) -> ProbeError {
    move |source| ProbeError::Kvm { call, source }
}
