//! The program on top of a C library.

use core::ffi::{c_char, c_int};

use crate::arguments::Arguments;

/// Called by the C library instead of Rust's own start-up, which would change signals.
///
/// # Safety
/// The arguments are those of a program's start.
#[unsafe(no_mangle)]
unsafe extern "C" fn main(
    _: c_int,
    arguments: *const *const c_char,
    environment: *mut *mut u8,
) -> c_int {
    // SAFETY: it is the environment as the kernel put it on the stack.
    unsafe { rustix::param::init(environment) };
    // SAFETY: the list ends with null and stays on the stack for good.
    actovisor_agent::start::run(unsafe { Arguments::new(arguments) })
}
