//! The end of an agent that has found itself wrong.

use core::panic::PanicInfo;

use actovisor_agent::boot::fatal::{die, line};
use linux_raw_sys::general::{__NR_exit_group, __NR_getpid};

extern crate alloc;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // SAFETY: it has no arguments.
    if unsafe { actovisor_agent::sys::syscall(__NR_getpid, []) } == 1 {
        die(info);
    }
    // SAFETY: if the descriptor is closed the write fails and nothing is lost.
    let _ = rustix::io::write(
        unsafe { rustix::stdio::stderr() },
        line(&alloc::format!("{info}")).as_bytes(),
    );
    loop {
        // SAFETY: ends this process.
        let _ = unsafe { actovisor_agent::sys::syscall(__NR_exit_group, [101]) };
    }
}

/// The standard library as it is delivered was compiled for unwinding and refers to
/// these two; a panic of ours does not come here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() -> ! {
    die(&"unwinding")
}

/// See `rust_eh_personality`.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    die(&"unwinding")
}
