//! Programs that the host asks for.

pub mod cgroup;
pub mod child;
pub mod command;
pub mod input;
pub mod output;
pub mod running;
pub mod search;
pub mod sinks;
pub mod spawn;
pub mod start;
pub mod stdio;
pub mod user;
