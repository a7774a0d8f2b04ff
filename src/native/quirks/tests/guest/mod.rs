//! A guest of a few instructions in 64-bit kernel mode, served by the assist.

#![allow(dead_code, reason = "each test file uses a part of it")]

mod tables;

use std::time::{Duration, Instant};

use actovisor_quirks::{
    Assist, AssistError, HostClass, KernelFlavour, adjust_cpuid, guest_profile, probe,
};
use kvm_bindings::{
    KVM_MAX_CPUID_ENTRIES, kvm_regs, kvm_segment, kvm_userspace_memory_region, kvm_xcrs,
};
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd, VmFd};
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion};

pub const MEMORY: usize = 0x20_0000;
pub const PAGE: u64 = 0x1000;
const PML4: u64 = 0x1000;
const PAGE_TABLE: u64 = 0x4000;
const GDT: u64 = 0x5000;
const GDT_LIMIT: u16 = 0x4f;
const IDT: u64 = 0x6000;
pub const CODE: u64 = 0x1_0000;
const STACK: u64 = 0x3_0000;
/// Ordinary pages that no test needs for anything else.
pub const DATA: u64 = 0x10_0000;
/// RFLAGS as every program starts.
pub const FLAGS: u64 = 2;

pub const PRESENT: u64 = 1 << 0;
pub const WRITABLE: u64 = 1 << 1;
pub const USER: u64 = 1 << 2;
pub const ACCESSED: u64 = 1 << 5;
pub const DIRTY: u64 = 1 << 6;
pub const CR0_TASK_SWITCHED: u64 = 1 << 3;
pub const CR4_OSXSAVE: u64 = 1 << 18;
pub const CR4_SMAP: u64 = 1 << 21;

const DONE_PORT: u16 = 0xf4;
const EXCEPTION_PORT: u16 = 0xf5;
const DEADLINE: Duration = Duration::from_secs(20);

/// The bytes of a piece of assembly, as the tests' own compiler makes them.
#[macro_export]
macro_rules! code {
    ($($line:expr),+ $(,)?) => {{
        #[unsafe(naked)]
        unsafe extern "C" fn program() {
            std::arch::naked_asm!(
                // The length first, so that the program can be found from the outside.
                ".quad 3f - 2f",
                "2:",
                $($line,)+
                "3:",
            );
        }
        let start = program as *const () as *const u8;
        // SAFETY: the function is data: eight bytes of length and so many bytes of code.
        unsafe {
            let length = usize::try_from(start.cast::<u64>().read_unaligned()).expect("short");
            std::slice::from_raw_parts(start.add(8), length)
        }
    }};
}

pub struct Guest {
    // Fields drop in this order: the vCPU and the VM go before the memory they map.
    pub vcpu: VcpuFd,
    pub vm: VmFd,
    pub memory: GuestMemoryMmap<()>,
    pub assist: Assist,
    pub class: HostClass,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    pub regs: kvm_regs,
    pub exception: Option<Raised>,
}

/// An exception as the guest's handler found it.
#[derive(Debug, PartialEq, Eq)]
pub struct Raised {
    pub vector: u8,
    pub error_code: Option<u64>,
    pub rip: u64,
    pub flags: u64,
    pub cr2: u64,
}

impl Guest {
    pub fn new() -> Self {
        let kvm = Kvm::new().expect("these tests need /dev/kvm");
        let class = probe(&kvm).expect("the host can be classified").class;
        let profile = guest_profile(class, KernelFlavour::Standard).expect("always compatible");
        let vm = kvm.create_vm().expect("KVM_CREATE_VM");
        vm.set_tss_address(0xfffb_d000).expect("KVM_SET_TSS_ADDR");
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), MEMORY)]).expect("memory");
        for region in memory.iter() {
            let slot = kvm_userspace_memory_region {
                memory_size: region.len(),
                userspace_addr: region.as_ptr() as u64,
                ..Default::default()
            };
            // SAFETY: the guest drops its VM before its memory.
            unsafe { vm.set_user_memory_region(slot) }.expect("KVM_SET_USER_MEMORY_REGION");
        }
        let vcpu = vm.create_vcpu(0).expect("KVM_CREATE_VCPU");
        let mut cpuid = kvm
            .get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)
            .expect("CPUID");
        adjust_cpuid(&profile, &mut cpuid);
        vcpu.set_cpuid2(&cpuid).expect("KVM_SET_CPUID2");
        let guest = Self {
            vcpu,
            vm,
            memory,
            assist: Assist::new(&profile),
            class,
        };
        tables::write(&guest);
        guest.enter_kernel_mode();
        guest
    }

    /// Runs a program with these registers until it falls off its end or raises an exception.
    pub fn run(&mut self, code: &[u8], regs: kvm_regs) -> Ended {
        self.try_run(code, regs)
            .expect("the assist serves the program")
    }

    pub fn try_run(&mut self, code: &[u8], regs: kvm_regs) -> Result<Ended, AssistError> {
        self.load(code, regs);
        let begin = Instant::now();
        while begin.elapsed() < DEADLINE {
            if let Some(ended) = self.enter()? {
                return Ok(ended);
            }
        }
        panic!("the program did not end within {DEADLINE:?}");
    }

    /// Has the guest begin with a program at its next entry.
    pub fn load(&mut self, code: &[u8], regs: kvm_regs) {
        let report = [0xe6, DONE_PORT.to_le_bytes()[0], 0xf4];
        self.put(CODE, &[code, &report].concat());
        let rflags = regs.rflags | FLAGS;
        let start = kvm_regs {
            rip: CODE,
            rsp: STACK,
            rflags,
            ..regs
        };
        self.assist.settle(&mut self.vcpu).expect("settles");
        self.vcpu.set_regs(&start).expect("KVM_SET_REGS");
    }

    /// Enters the guest once and serves its exit; answers how the program ended, if it did.
    pub fn enter(&mut self) -> Result<Option<Ended>, AssistError> {
        match self.vcpu.run() {
            Ok(VcpuExit::InternalError) => {
                self.assist.serve(&mut self.vcpu, &self.memory)?;
                Ok(None)
            }
            Ok(VcpuExit::IoOut(DONE_PORT, _)) => Ok(Some(self.ended(None))),
            Ok(VcpuExit::IoOut(EXCEPTION_PORT, data)) => {
                let vector = data[0];
                Ok(Some(self.ended(Some(vector))))
            }
            Ok(exit) => panic!("unexpected exit {exit:?}"),
            Err(error) if [libc::EINTR, libc::EAGAIN].contains(&error.errno()) => Ok(None),
            Err(error) => panic!("KVM_RUN: {error}"),
        }
    }

    pub fn put(&self, address: u64, bytes: &[u8]) {
        self.memory
            .write_slice(bytes, GuestAddress(address))
            .expect("within memory");
    }

    pub fn get<const N: usize>(&self, address: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.memory
            .read_slice(&mut bytes, GuestAddress(address))
            .expect("within memory");
        bytes
    }

    pub fn u64(&self, address: u64) -> u64 {
        u64::from_le_bytes(self.get(address))
    }

    /// The page table entry of an address; its page is mapped at its own address.
    pub fn entry(&self, address: u64) -> u64 {
        self.u64(PAGE_TABLE + address / PAGE * 8)
    }

    pub fn set_entry(&self, address: u64, entry: u64) {
        self.put(PAGE_TABLE + address / PAGE * 8, &entry.to_le_bytes());
    }

    pub fn change_system(&self, change: impl FnOnce(&mut kvm_bindings::kvm_sregs)) {
        let mut sregs = self.vcpu.get_sregs().expect("KVM_GET_SREGS");
        change(&mut sregs);
        self.vcpu.set_sregs(&sregs).expect("KVM_SET_SREGS");
    }

    pub fn served(&self, mnemonic: &str) -> u64 {
        self.assist
            .served()
            .find(|(name, _)| *name == mnemonic)
            .map_or(0, |(_, count)| count)
    }

    /// On hosts that emulate kernel mode the instruction must have been served.
    pub fn assert_served(&self, mnemonic: &str, times: u64) {
        let expected = if self.class == HostClass::Ordinary {
            0
        } else {
            times
        };
        assert_eq!(self.served(mnemonic), expected, "{mnemonic} served");
    }

    fn ended(&mut self, vector: Option<u8>) -> Ended {
        let regs = self.vcpu.get_regs().expect("KVM_GET_REGS");
        let exception = vector.map(|vector| {
            let has_code = matches!(vector, 8 | 10..=14 | 17);
            let frame = regs.rsp + 8 + if has_code { 8 } else { 0 };
            Raised {
                vector,
                error_code: has_code.then(|| self.u64(regs.rsp + 8)),
                rip: self.u64(frame),
                flags: self.u64(frame + 16),
                cr2: self.vcpu.get_sregs().expect("KVM_GET_SREGS").cr2,
            }
        });
        Ended { regs, exception }
    }

    fn enter_kernel_mode(&self) {
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
        self.change_system(|sregs| {
            sregs.cs = kvm_segment {
                selector: 8,
                type_: 11,
                db: 0,
                l: 1,
                ..data
            };
            (sregs.ds, sregs.es, sregs.fs, sregs.gs, sregs.ss) = (data, data, data, data, data);
            sregs.tr = kvm_segment {
                base: 0x7000,
                limit: 0x67,
                selector: 0x38,
                type_: 11,
                present: 1,
                ..Default::default()
            };
            (sregs.gdt.base, sregs.gdt.limit) = (GDT, GDT_LIMIT);
            (sregs.idt.base, sregs.idt.limit) = (IDT, 0xfff);
            sregs.cr3 = PML4;
            sregs.cr4 = 0x4_0620; // OSXSAVE, OSXMMEXCPT, OSFXSR, PAE
            sregs.cr0 = 0x8005_0033; // PG, AM, WP, NE, ET, MP, PE
            sregs.efer = 0xd00; // NXE, LMA, LME
        });
        let mut xcrs = kvm_xcrs {
            nr_xcrs: 1,
            ..Default::default()
        };
        xcrs.xcrs[0].value = 0b111;
        self.vcpu.set_xcrs(&xcrs).expect("KVM_SET_XCRS");
    }
}
