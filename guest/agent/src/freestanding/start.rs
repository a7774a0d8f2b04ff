//! From the kernel to Rust.

use core::arch::naked_asm;
use core::ffi::c_char;

use linux_raw_sys::general::__NR_exit_group;

use crate::arguments::Arguments;

/// Entry of the program. The stack holds the count of the arguments, the
/// arguments, null, the environment, null, and the auxiliary vector.
///
/// # Safety
/// For the kernel alone.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "xor ebp, ebp",
        "mov rdi, rsp",
        "and rsp, -16",
        "call {begin}",
        "ud2",
        begin = sym begin,
    )
}

/// # Safety
/// `stack` is what the kernel has put on the stack of a new program.
unsafe extern "C" fn begin(stack: *const usize) -> ! {
    // SAFETY: the first word is the count.
    let count = unsafe { *stack };
    let arguments = stack.wrapping_add(1).cast::<*const c_char>();
    let environment = stack.wrapping_add(count + 2).cast_mut().cast::<*mut u8>();
    // SAFETY: the auxiliary vector follows the environment there.
    unsafe { rustix::param::init(environment) };
    // SAFETY: the list ends with null and stays on the stack for good.
    let status = actovisor_agent::start::run(unsafe { Arguments::new(arguments) });
    loop {
        let status = status.unsigned_abs() as usize;
        // SAFETY: ends this process.
        let _ = unsafe { actovisor_agent::sys::syscall(__NR_exit_group, [status]) };
    }
}
