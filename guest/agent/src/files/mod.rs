//! Files of the guest, for the host.

pub mod info;
pub mod list;
pub mod path;
pub mod read;
pub mod remove;
pub mod whole;
pub mod write;
