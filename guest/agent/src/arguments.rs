//! The arguments of the program.

use core::ffi::{CStr, c_char};

/// Those after the program's name; those that are no UTF-8 are left out.
pub struct Arguments(*const *const c_char);

impl Arguments {
    /// # Safety
    /// `arguments` is a list of strings ended by null that lives as long as the process.
    pub unsafe fn new(arguments: *const *const c_char) -> Self {
        // SAFETY: the caller's; an empty list has no name to skip.
        Self(if unsafe { *arguments }.is_null() {
            arguments
        } else {
            arguments.wrapping_add(1)
        })
    }
}

impl Iterator for Arguments {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        loop {
            // SAFETY: not beyond the end of the list, which stays in place.
            let argument = unsafe { *self.0 };
            if argument.is_null() {
                return None;
            }
            self.0 = self.0.wrapping_add(1);
            // SAFETY: each element of the list is a string.
            if let Ok(argument) = unsafe { CStr::from_ptr(argument) }.to_str() {
                return Some(argument);
            }
        }
    }
}
