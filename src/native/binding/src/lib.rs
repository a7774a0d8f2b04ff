//! The Node-API addon. `src/native/native.ts` declares all that crosses: the
//! same names in the same order as in these files.

// The addon's functions are registered with Node, not called from Rust; test
// builds leave the registration out.
#![cfg_attr(test, allow(dead_code))]

mod config;
mod errors;
mod events;
mod host;
mod vm;
mod wake;
