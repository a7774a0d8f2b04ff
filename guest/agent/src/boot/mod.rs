//! What PID 1 does before it serves, and after.

pub mod fatal;
pub mod hostname;
pub mod mounts;
pub mod network;
pub mod root;
pub mod sequence;
pub mod settings;
pub mod shutdown;
