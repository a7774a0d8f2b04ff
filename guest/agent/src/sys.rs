//! System calls that no library of ours offers.

use core::arch::asm;
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::{ptr, slice};

use linux_raw_sys::general::{
    __NR_clone3, __NR_close_range, __NR_kill, __NR_preadv2, __NR_rt_sigaction, __NR_rt_sigprocmask,
    __NR_signalfd4, CLONE_INTO_CGROUP, CLONE_VFORK, CLONE_VM, O_CLOEXEC, O_NONBLOCK, SIG_SETMASK,
    SIGCHLD, SIGKILL, SIGSTOP, clone_args,
};
use rustix::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{self, Errno, read};
use rustix::process::Pid;

/// A set of signals: bit n - 1 stands for signal n.
pub type SignalSet = u64;

/// RWF_NOWAIT
const READ_NOWAIT: usize = 8;

/// CLOSE_RANGE_CLOEXEC
const ONLY_CLOSE_ON_EXEC: usize = 4;

/// Every signal that can be blocked.
pub const ALL_SIGNALS: SignalSet = SignalSet::MAX;

/// Runs a system call; answers what the kernel does, a negative error number included.
///
/// # Safety
/// The arguments must be what the system call asks for.
pub unsafe fn syscall<const COUNT: usize>(number: u32, given: [usize; COUNT]) -> isize {
    const { assert!(COUNT <= 6) };
    let mut args = [0; 6];
    args[..COUNT].copy_from_slice(&given);
    let result: isize;
    // SAFETY: the instruction keeps every register but rax, rcx and r11; the caller answers for the rest.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") u64::from(number) => result,
            in("rdi") args[0],
            in("rsi") args[1],
            in("rdx") args[2],
            in("r10") args[3],
            in("r8") args[4],
            in("r9") args[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// The result of a system call as a value or an error.
pub fn check(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| errno_of(result))
}

/// Replaces the set of blocked signals.
pub fn block_signals(set: SignalSet) {
    let set_address = ptr::from_ref(&set) as usize;
    // SAFETY: the set outlives the call, which reads its eight bytes.
    let _ = unsafe {
        syscall(
            __NR_rt_sigprocmask,
            [SIG_SETMASK as usize, set_address, 0, size_of::<SignalSet>()],
        )
    };
}

/// Undoes what a parent may leave to a process and the kernel does not leave to
/// PID 1: ignored signals, and descriptors that programs would inherit.
pub fn make_ordinary() -> io::Result<()> {
    // All zero is the default action without flags.
    let action = [0_u64; 4];
    for signal in 1..=64_usize {
        if signal != SIGKILL as usize && signal != SIGSTOP as usize {
            let address = ptr::from_ref(&action) as usize;
            // SAFETY: the structure is of four words and outlives the call, which reads it.
            check(unsafe {
                syscall(
                    __NR_rt_sigaction,
                    [signal, address, 0, size_of::<SignalSet>()],
                )
            })?;
        }
    }
    // SAFETY: the descriptors stay open; only what execve does to them changes.
    check(unsafe { syscall(__NR_close_range, [3, u32::MAX as usize, ONLY_CLOSE_ON_EXEC]) })
        .map(drop)
}

/// A descriptor that is readable while SIGCHLD is pending.
pub fn child_signals() -> io::Result<OwnedFd> {
    let set: SignalSet = 1 << (SIGCHLD - 1);
    let set_address = ptr::from_ref(&set) as usize;
    let flags = (O_CLOEXEC | O_NONBLOCK) as usize;
    // SAFETY: the set outlives the call, which reads its eight bytes; -1 asks for a new descriptor.
    let result = unsafe {
        syscall(
            __NR_signalfd4,
            [usize::MAX, set_address, size_of::<SignalSet>(), flags],
        )
    };
    let fd = c_int::try_from(check(result)?).map_err(|_| Errno::BADF)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Reads what is there, without waiting, whether or not the descriptor may block:
/// for a pipe that saves the call that would make it so.
pub fn read_now<'a>(
    fd: BorrowedFd<'_>,
    buffer: &'a mut [MaybeUninit<u8>],
) -> io::Result<&'a mut [u8]> {
    let vector = [buffer.as_mut_ptr() as usize, buffer.len()];
    let vector_address = vector.as_ptr() as usize;
    let number = fd.as_raw_fd().unsigned_abs() as usize;
    let here = usize::MAX;
    let args = [number, vector_address, 1, here, here, READ_NOWAIT];
    // SAFETY: the vector is one pair of address and length of a buffer that is ours to write.
    match check(unsafe { syscall(__NR_preadv2, args) }) {
        // SAFETY: the kernel has written that many bytes at the beginning.
        Ok(count) => Ok(unsafe { slice::from_raw_parts_mut(buffer.as_mut_ptr().cast(), count) }),
        // A terminal, or a kernel before 6.4.
        Err(Errno::OPNOTSUPP) => {
            let flags = fcntl_getfl(fd)?;
            if !flags.contains(OFlags::NONBLOCK) {
                fcntl_setfl(fd, flags | OFlags::NONBLOCK)?;
            }
            read(fd, buffer).map(|(bytes, _)| bytes)
        }
        Err(errno) => Err(errno),
    }
}

/// Whom a signal goes to.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// A process group.
    Group(Pid),
    /// Every process but this one.
    Everyone,
}

/// Sends a signal; the number need not have a name.
pub fn kill(target: Target, signal: u32) -> io::Result<()> {
    let pid: isize = match target {
        Target::Group(leader) => {
            -isize::try_from(leader.as_raw_nonzero().get()).map_err(|_| Errno::SRCH)?
        }
        Target::Everyone => -1,
    };
    // SAFETY: kill takes numbers only.
    check(unsafe { syscall(__NR_kill, [pid.cast_unsigned(), signal as usize]) }).map(drop)
}

/// Starts a child that shares this process's memory and suspends it until the
/// child has called execve or has exited. Answers the child's process id.
///
/// # Safety
/// `entry` must not return, unwind, allocate, or change memory that this process
/// relies on; `argument` must be what it expects, and `stack` used by nothing else.
pub unsafe fn vfork(
    stack: *mut [u8],
    cgroup: Option<BorrowedFd<'_>>,
    entry: unsafe extern "C" fn(*mut c_void) -> !,
    argument: *mut c_void,
) -> io::Result<Pid> {
    let cgroup_flag = if cgroup.is_some() {
        CLONE_INTO_CGROUP
    } else {
        0
    };
    // SAFETY: the structure is of integers only, for each of which zero is a value.
    let mut args: clone_args = unsafe { core::mem::zeroed() };
    args.flags = u64::from(CLONE_VM) | u64::from(CLONE_VFORK) | cgroup_flag;
    args.exit_signal = u64::from(SIGCHLD);
    args.stack = stack.cast::<u8>() as u64;
    args.stack_size = stack.len() as u64;
    args.cgroup = cgroup.map_or(0, |fd| u64::from(fd.as_raw_fd().unsigned_abs()));
    let result: isize;
    // SAFETY: in the parent it is an ordinary system call. The child starts on
    // `stack`, its top aligned to 16 bytes, and never comes back from `entry`.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") u64::from(__NR_clone3) => result,
            in("rdi") ptr::from_ref(&args),
            in("rsi") size_of::<clone_args>(),
            in("r12") argument,
            in("r13") entry,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    let pid = i32::try_from(check(result)?).map_err(|_| Errno::SRCH)?;
    Pid::from_raw(pid).ok_or(Errno::SRCH)
}

fn errno_of(result: isize) -> Errno {
    Errno::from_raw_os_error(i32::try_from(result.unsigned_abs()).unwrap_or_default())
}
