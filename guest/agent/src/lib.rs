//! The agent of a guest: PID 1, serving `guest/protocol/agent.proto` to the host.
//!
//! One thread and one loop (`agent`), over one connection at a time (`session`).
//! `boot` comes before that, where the agent is PID 1.
#![no_std]

extern crate alloc;

pub mod agent;
pub mod boot;
pub mod clock;
pub mod connection;
pub mod exec;
pub mod failure;
pub mod files;
pub mod protocol;
pub mod reaper;
pub mod request;
pub mod role;
pub mod session;
pub mod start;
pub mod state;
pub mod sys;
pub mod wait;
