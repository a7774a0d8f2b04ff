//! The program without a C library: what it starts with, its heap, and the
//! functions that compiled code takes for granted.
//!
//! A static C library would be three quarters of the binary, and its start-up
//! fifteen system calls and forty page faults before the first line of ours.

mod heap;
mod memory;
mod panic;
mod start;
