//! The program: PID 1 of a guest.
//!
//! Two forms of one program: what the guest runs has no C library (`freestanding`,
//! a cfg that build.mjs sets); cargo's own profiles build one with it.
#![cfg_attr(freestanding, no_std)]
#![no_main]

mod arguments;
#[cfg(freestanding)]
mod freestanding;
#[cfg(not(freestanding))]
mod hosted;
