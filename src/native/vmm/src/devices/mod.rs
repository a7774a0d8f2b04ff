//! The devices of a machine.

pub(crate) mod console;
pub(crate) mod irq;
pub(crate) mod reset;
pub(crate) mod virtio;
