//! Completes the instructions that a host's emulator refuses.

mod refused;

pub(crate) use refused::RefusedInstruction;
