//! Getting a vCPU out of KVM_RUN from another thread.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, Once};

use kvm_ioctls::VcpuFd;

use crate::events::lock;

/// How to reach a vCPU thread that is in KVM_RUN. Valid as long as that thread
/// has not voided it.
#[derive(Debug)]
pub(crate) struct Kick {
    thread: libc::pthread_t,
    immediate_exit: *const AtomicU8,
}

// SAFETY: the pointer is used under the lock of a `VcpuSlot` only, which the
// vCPU thread empties before it drops what the pointer points into.
unsafe impl Send for Kick {}

impl Kick {
    /// For the vCPU that the calling thread is about to run.
    pub fn of_this_thread(vcpu: &mut VcpuFd) -> Self {
        install_handler();
        Self {
            // SAFETY: pthread_self has no preconditions.
            thread: unsafe { libc::pthread_self() },
            immediate_exit: (&raw const vcpu.get_kvm_run().immediate_exit).cast(),
        }
    }
}

/// Holds the kick of one vCPU while its thread lives.
#[derive(Debug, Default)]
pub(crate) struct VcpuSlot(Mutex<Option<Kick>>);

impl VcpuSlot {
    pub fn set(&self, kick: Kick) {
        *lock(&self.0) = Some(kick);
    }

    pub fn clear(&self) {
        *lock(&self.0) = None;
    }

    /// Makes the present or next KVM_RUN return EINTR. The flag covers the gap
    /// between the thread's look at its orders and its entry to the guest, the
    /// signal ends a run that has begun.
    pub fn kick(&self) {
        if let Some(kick) = lock(&self.0).as_ref() {
            // SAFETY: the slot is not empty, so the vCPU's kvm_run mapping is
            // alive; the kernel reads this byte at each entry, and all writers
            // go through atomics.
            unsafe { (*kick.immediate_exit).store(1, Ordering::SeqCst) };
            // SAFETY: the slot is not empty, so the thread has not ended.
            unsafe { libc::pthread_kill(kick.thread, kick_signal()) };
        }
    }
}

/// Takes the flag back after a run that it ended.
pub(crate) fn clear_kick(vcpu: &mut VcpuFd) {
    let flag: *const AtomicU8 = (&raw const vcpu.get_kvm_run().immediate_exit).cast();
    // SAFETY: it points into the kvm_run mapping of `vcpu`, which is borrowed.
    unsafe { (*flag).store(0, Ordering::SeqCst) };
}

/// A real-time signal in the middle of the range: libraries use the ends.
fn kick_signal() -> libc::c_int {
    libc::SIGRTMIN() + 13
}

fn install_handler() {
    static ONCE: Once = Once::new();
    extern "C" fn ignore(_: libc::c_int) {}
    ONCE.call_once(|| {
        // SAFETY: the handler does nothing and so is async-signal-safe; all-zero
        // bytes are a valid sigaction with an empty mask and no flags, and
        // without SA_RESTART the ioctl returns EINTR.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = ignore as *const () as libc::sighandler_t;
            libc::sigaction(kick_signal(), &raw const action, std::ptr::null_mut());
        }
    });
}
