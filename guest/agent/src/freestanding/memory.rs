//! The functions on memory that compiled code calls.
//!
//! The string instructions of the CPU, which every one that runs KVM has in a fast
//! form. Written in Rust, a loop would be compiled into a call of itself.

use core::arch::asm;
use core::cmp::Ordering;

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    // SAFETY: the caller's; the direction flag is clear by convention.
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") count => _,
            inout("rdi") target => _,
            inout("rsi") source => _,
            options(nostack, preserves_flags),
        );
    }
    target
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    if target.addr().wrapping_sub(source.addr()) >= count {
        // SAFETY: forwards is right: the target does not begin within the source.
        return unsafe { memcpy(target, source, count) };
    }
    // SAFETY: the caller's; backwards, from the last byte, and the flag is cleared again.
    unsafe {
        asm!(
            "std",
            "rep movsb",
            "cld",
            inout("rcx") count => _,
            inout("rdi") target.wrapping_add(count).wrapping_sub(1) => _,
            inout("rsi") source.wrapping_add(count).wrapping_sub(1) => _,
            options(nostack),
        );
    }
    target
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(target: *mut u8, value: i32, count: usize) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe {
        asm!(
            "rep stosb",
            inout("rcx") count => _,
            inout("rdi") target => _,
            in("al") value.to_le_bytes()[0],
            options(nostack, preserves_flags),
        );
    }
    target
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    for index in 0..count {
        // SAFETY: the caller's: both are `count` bytes long.
        let (left, right) = unsafe { (*left.wrapping_add(index), *right.wrapping_add(index)) };
        match left.cmp(&right) {
            Ordering::Equal => {}
            Ordering::Less => return -1,
            Ordering::Greater => return 1,
        }
    }
    0
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    // SAFETY: the caller's.
    unsafe { memcmp(left, right, count) }
}

/// # Safety
/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(string: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the caller's: not beyond the NUL at its end.
    while unsafe { *string.wrapping_add(length) } != 0 {
        length += 1;
    }
    length
}
