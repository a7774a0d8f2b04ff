//! Bytes from the host, cut into messages.

use alloc::vec::Vec;

use prost::Message as _;
use rustix::buffer::spare_capacity;
use rustix::fd::BorrowedFd;
use rustix::io::{self, Errno};
use rustix::net::{RecvFlags, recv};

use super::violation::Violation;
use crate::protocol::{MAX_MESSAGE, ToAgent};

/// A length of up to 128 KiB takes three bytes; padded ones are let through up to five.
const MAX_PREFIX: usize = 5;

/// Holds at most one message and its prefix.
#[derive(Debug)]
pub struct Inbox {
    bytes: Vec<u8>,
    start: usize,
}

impl Inbox {
    /// An empty one. Its memory is touched only as bytes come.
    pub fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(MAX_PREFIX + MAX_MESSAGE),
            start: 0,
        }
    }

    /// Takes what is there, without waiting. `Ok(0)` is the end of the stream.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        loop {
            match recv(socket, spare_capacity(&mut self.bytes), RecvFlags::DONTWAIT) {
                Err(Errno::INTR) => {}
                Ok((count, _)) => return Ok(count),
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Takes the next whole message out.
    pub fn take(&mut self) -> Result<Option<ToAgent>, Violation> {
        let rest = &self.bytes[self.start..];
        let Some((length, prefix)) = prefix(rest)? else {
            return Ok(None);
        };
        let Some(body) = rest.get(prefix..prefix + length) else {
            return Ok(None);
        };
        let message = ToAgent::decode(body).map_err(Violation::Undecodable)?;
        self.start += prefix + length;
        Ok(Some(message))
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

/// The length of a message and of its prefix; none while the prefix is incomplete.
fn prefix(bytes: &[u8]) -> Result<Option<(usize, usize)>, Violation> {
    let mut length = 0_u64;
    for (index, byte) in bytes.iter().take(MAX_PREFIX).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return match usize::try_from(length) {
                Ok(length) if length <= MAX_MESSAGE => Ok(Some((length, index + 1))),
                _ => Err(Violation::TooLong(length)),
            };
        }
    }
    if bytes.len() < MAX_PREFIX {
        Ok(None)
    } else {
        Err(Violation::Length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_may_come_in_parts() {
        assert_eq!(prefix(&[]), Ok(None));
        assert_eq!(prefix(&[0x80]), Ok(None));
        assert_eq!(prefix(&[0x80, 0x01]), Ok(Some((128, 2))));
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_the_message_comes() {
        assert_eq!(prefix(&[0x80, 0x80, 0x08]), Ok(Some((MAX_MESSAGE, 3))));
        assert_eq!(
            prefix(&[0x81, 0x80, 0x08]),
            Err(Violation::TooLong(MAX_MESSAGE as u64 + 1))
        );
        assert_eq!(prefix(&[0xff; 5]), Err(Violation::Length));
    }
}
