use std::sync::atomic::{AtomicU64, Ordering};

use kvm_bindings::kvm_sregs;
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, VolatileMemory};

use super::paging::{Access, Miss, Tables, walk};
use crate::assist::error::AssistError;
use crate::assist::machine::{Exception, Stop};

pub(super) const PAGE: u64 = 4096;

/// Linear memory of the guest, seen with the kernel's rights.
pub(super) struct LinearMemory<'a> {
    memory: &'a GuestMemoryMmap<()>,
    user_access_allowed: bool,
    /// The page found last: linear page, access, guest-physical page.
    last: Option<(u64, Access, u64)>,
}

impl<'a> LinearMemory<'a> {
    /// `user_access_allowed` is RFLAGS.AC, which lets the kernel at user pages despite SMAP.
    pub(super) fn new(memory: &'a GuestMemoryMmap<()>, user_access_allowed: bool) -> Self {
        Self {
            memory,
            user_access_allowed,
            last: None,
        }
    }

    pub(super) fn read(
        &mut self,
        system: &kvm_sregs,
        address: u64,
        buffer: &mut [u8],
        access: Access,
    ) -> Result<(), Stop> {
        let mut done = 0;
        while done < buffer.len() {
            let linear = address.wrapping_add(done as u64);
            let end = buffer.len().min(done + rest_of_page(linear));
            let physical = self.translate(system, linear, access)?;
            self.memory
                .read_slice(&mut buffer[done..end], GuestAddress(physical))
                .map_err(|_| AssistError::NotMemory {
                    address: linear,
                    physical,
                })?;
            done = end;
        }
        Ok(())
    }

    /// Translates every byte before it writes the first.
    pub(super) fn write(&mut self, system: &kvm_sregs, parts: &[(u64, &[u8])]) -> Result<(), Stop> {
        let mut targets: Vec<(GuestAddress, &[u8])> = Vec::with_capacity(parts.len() + 2);
        for (address, bytes) in parts {
            let mut done = 0;
            while done < bytes.len() {
                let linear = address.wrapping_add(done as u64);
                let end = bytes.len().min(done + rest_of_page(linear));
                let physical = self.translate(system, linear, Access::Write)?;
                if !self.memory.check_range(GuestAddress(physical), end - done) {
                    return Err(AssistError::NotMemory {
                        address: linear,
                        physical,
                    }
                    .into());
                }
                targets.push((GuestAddress(physical), &bytes[done..end]));
                done = end;
            }
        }
        for (physical, bytes) in targets {
            self.memory
                .write_slice(bytes, physical)
                .map_err(|_| AssistError::NotMemory {
                    address: 0,
                    physical: physical.0,
                })?;
        }
        Ok(())
    }

    /// Exchanges 16 bytes at an address that is a multiple of 16.
    pub(super) fn compare_exchange(
        &mut self,
        system: &kvm_sregs,
        address: u64,
        expected: u128,
        new: u128,
    ) -> Result<u128, Stop> {
        let physical = self.translate(system, address, Access::Write)?;
        let slice = self
            .memory
            .get_slice(GuestAddress(physical), size_of::<u128>())
            .map_err(|_| AssistError::NotMemory { address, physical })?;
        let guard = slice.ptr_guard_mut();
        // SAFETY: the guard keeps 16 mapped bytes, guest pages are mapped at page boundaries so
        // that a multiple of 16 stays one, and every x86-64 processor that a kernel executes
        // CMPXCHG16B on has it.
        Ok(unsafe { exchange(guard.as_ptr().cast(), expected, new) })
    }

    fn translate(&mut self, system: &kvm_sregs, linear: u64, access: Access) -> Result<u64, Stop> {
        let page = linear & !(PAGE - 1);
        let offset = linear & (PAGE - 1);
        if let Some((known, for_access, physical)) = self.last
            && known == page
            && for_access == access
        {
            return Ok(physical | offset);
        }
        let tables = PhysicalTables {
            memory: self.memory,
            linear,
        };
        let physical =
            walk(&tables, system, self.user_access_allowed, linear, access).map_err(|miss| {
                match miss {
                    Miss::Fault(code) => Exception::page_fault(linear, code).into(),
                    Miss::Tables(error) => Stop::from(error),
                }
            })?;
        self.last = Some((page, access, physical & !(PAGE - 1)));
        Ok(physical)
    }
}

fn rest_of_page(linear: u64) -> usize {
    usize::try_from(PAGE - (linear & (PAGE - 1))).unwrap_or(1)
}

/// CMPXCHG16B on the processor at hand; answers what the memory held.
///
/// # Safety
/// `target` is aligned and points to 16 mapped bytes, and the processor has the instruction.
unsafe fn exchange(target: *mut u128, expected: u128, new: u128) -> u128 {
    let [new_low, new_high] = halves(new);
    let [mut low, mut high] = halves(expected);
    // SAFETY: the caller vouches for the memory; RBX, which the compiler keeps to itself, is back
    // in place behind the exchange. Atomics of 128 bits in the library need a whole-program
    // processor choice, hence the assembly.
    unsafe {
        std::arch::asm!(
            "xchg rsi, rbx",
            "lock cmpxchg16b [rdi]",
            "mov rbx, rsi",
            in("rdi") target,
            inout("rsi") new_low => _,
            in("rcx") new_high,
            inout("rax") low,
            inout("rdx") high,
            options(nostack),
        );
    }
    u128::from(high) << 64 | u128::from(low)
}

fn halves(value: u128) -> [u64; 2] {
    let bytes = value.to_le_bytes();
    let halves = bytes.as_chunks::<8>().0;
    [u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1])]
}

struct PhysicalTables<'a> {
    memory: &'a GuestMemoryMmap<()>,
    linear: u64,
}

impl Tables for PhysicalTables<'_> {
    type Error = AssistError;

    fn entry(&self, physical: u64) -> Result<u64, AssistError> {
        self.memory
            .load(GuestAddress(physical), Ordering::Acquire)
            .map_err(|_| AssistError::NotMemory {
                address: self.linear,
                physical,
            })
    }

    fn add(&self, physical: u64, seen: u64, bits: u64) -> Result<bool, AssistError> {
        let missing = |_| AssistError::NotMemory {
            address: self.linear,
            physical,
        };
        let slice = self
            .memory
            .get_slice(GuestAddress(physical), size_of::<u64>())
            .map_err(missing)?;
        let entry = slice
            .get_atomic_ref::<AtomicU64>(0)
            .map_err(|_| AssistError::NotMemory {
                address: self.linear,
                physical,
            })?;
        let result = entry.compare_exchange(seen, seen | bits, Ordering::AcqRel, Ordering::Acquire);
        Ok(result.is_ok())
    }
}
