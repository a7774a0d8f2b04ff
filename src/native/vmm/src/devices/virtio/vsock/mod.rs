//! virtio-vsock: stream connections between guest and host.
//!
//! Source: VIRTIO 1.2, 5.10 "Socket Device". The guest connects to ports that
//! the host listens on; bytes wait in bounded buffers on both ways, held back by
//! the credit of the specification towards the guest and by short writes towards
//! the owner.

mod connection;
mod device;
mod packet;
mod serve;
#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use device::Vsock;

/// Names a connection for as long as its machine lives; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u32);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
