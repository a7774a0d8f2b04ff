//! The connection to the host: bytes in, bytes out, and the flow control of streams.

pub mod flow;
pub mod inbox;
pub mod link;
pub mod outbox;
pub mod violation;
