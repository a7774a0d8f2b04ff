//! The Node-API addon. `src/native/native.ts` declares all that crosses: the
//! same names in the same order as in these files.

mod config;
mod errors;
mod events;
mod host;
mod vm;
mod wake;
