//! Messages on their way to the host.

use alloc::vec::Vec;

use prost::Message as _;
use prost::encoding::{self, WireType};
use rustix::fd::BorrowedFd;
use rustix::io::{self, Errno};
use rustix::net::{SendFlags, send};

use crate::protocol::{Credit, Eof, FromAgent, Stream, from_agent::Body};

/// Contents of streams and lists are added only below this.
const CONTENT_LIMIT: usize = 192 * 1024;

/// Messages of the host are taken in only below this, so that answers cannot pile up.
const ANSWER_LIMIT: usize = 256 * 1024;

/// Numbers of the fields of `FromAgent` and `Data`.
mod field {
    pub const REQUEST: u32 = 1;
    pub const DATA: u32 = 4;
    pub const STREAM: u32 = 1;
    pub const BYTES: u32 = 2;
}

/// Bytes that the socket has not taken yet.
#[derive(Debug)]
pub struct Outbox {
    bytes: Vec<u8>,
    start: usize,
}

impl Outbox {
    /// An empty one. Its memory is touched only as messages are added.
    pub fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(ANSWER_LIMIT),
            start: 0,
        }
    }

    /// Whether everything was sent.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How much content may be added now.
    pub fn content_room(&self) -> usize {
        CONTENT_LIMIT.saturating_sub(self.bytes.len() - self.start)
    }

    /// Whether there is room for the answers to further messages.
    pub fn takes_answers(&self) -> bool {
        self.bytes.len() - self.start < ANSWER_LIMIT
    }

    /// Adds a message.
    pub fn message(&mut self, request: u32, body: Body) {
        let message = FromAgent {
            request,
            body: Some(body),
        };
        self.reserve(message.encoded_len() + 10);
        message
            .encode_length_delimited(&mut self.bytes)
            .unwrap_or_default();
    }

    /// Adds the end of a stream.
    pub fn eof(&mut self, request: u32, stream: Stream) {
        self.message(
            request,
            Body::Eof(Eof {
                stream: stream.into(),
            }),
        );
    }

    /// Adds a grant, if there is one to give.
    pub fn credit(&mut self, request: u32, stream: Stream, bytes: Option<u32>) {
        if let Some(bytes) = bytes {
            self.message(
                request,
                Body::Credit(Credit {
                    stream: stream.into(),
                    bytes,
                }),
            );
        }
    }

    /// Adds a `Data` without copying `bytes` into a message first.
    pub fn data(&mut self, request: u32, stream: Stream, bytes: &[u8]) {
        let stream = u64::from(i32::from(stream).unsigned_abs());
        let data = encoding::key_len(field::STREAM)
            + encoding::encoded_len_varint(stream)
            + encoding::key_len(field::BYTES)
            + encoding::encoded_len_varint(bytes.len() as u64)
            + bytes.len();
        let message = encoding::key_len(field::REQUEST)
            + encoding::encoded_len_varint(u64::from(request))
            + encoding::key_len(field::DATA)
            + encoding::encoded_len_varint(data as u64)
            + data;
        self.reserve(message + 10);
        let out = &mut self.bytes;
        encoding::encode_varint(message as u64, out);
        encoding::encode_key(field::REQUEST, WireType::Varint, out);
        encoding::encode_varint(u64::from(request), out);
        encoding::encode_key(field::DATA, WireType::LengthDelimited, out);
        encoding::encode_varint(data as u64, out);
        encoding::encode_key(field::STREAM, WireType::Varint, out);
        encoding::encode_varint(stream, out);
        encoding::encode_key(field::BYTES, WireType::LengthDelimited, out);
        encoding::encode_varint(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }

    /// Sends as much as the socket takes without waiting.
    pub fn flush(&mut self, socket: BorrowedFd<'_>) -> io::Result<()> {
        while self.start < self.bytes.len() {
            match send(
                socket,
                &self.bytes[self.start..],
                SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
            ) {
                Ok(count) => self.start += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => return Err(errno),
            }
        }
        self.bytes.clear();
        self.start = 0;
        Ok(())
    }

    /// Makes room at the end, by moving what is left to the front where that is enough.
    fn reserve(&mut self, bytes: usize) {
        if self.start > 0 && self.bytes.capacity() - self.bytes.len() < bytes {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.reserve(bytes);
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::protocol::Data;

    #[test]
    fn data_is_encoded_as_the_generated_code_would() {
        for (request, length) in [(1, 0), (127, 1), (128, 127), (u32::MAX, 65_536)] {
            let bytes = vec![7; length];
            let mut outbox = Outbox::new();
            outbox.data(request, Stream::Stderr, &bytes);
            let data = Data {
                stream: Stream::Stderr.into(),
                bytes,
            };
            let expected = FromAgent {
                request,
                body: Some(Body::Data(data)),
            };
            assert_eq!(
                FromAgent::decode_length_delimited(&outbox.bytes[..]),
                Ok(expected)
            );
        }
    }
}
