//! One stream connection: its buffers, its credit and what it has to send.

use std::collections::VecDeque;
use std::num::Wrapping;

use super::ConnectionId;
use super::packet::{Header, PAYLOAD_BYTES, op};

/// Bytes from the guest that may wait for the owner: the `buf_alloc` we tell.
pub(crate) const INBOUND_BYTES: u32 = 256 << 10;
/// Bytes from the owner that may wait for the guest.
pub(crate) const OUTBOUND_BYTES: usize = 256 << 10;
/// The guest is told of room when this much was read since it was told last.
const CREDIT_STEP: u32 = INBOUND_BYTES / 4;

/// Both ports of a connection, the key by which packets name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ports {
    pub guest: u32,
    pub host: u32,
}

/// What is to be sent beside data. Flags, so that nothing a guest does can
/// queue more than one of each.
#[derive(Debug, Default)]
struct Due {
    response: bool,
    credit_update: bool,
    credit_request: bool,
    reset: bool,
}

/// A connection that the guest opened.
#[derive(Debug)]
pub(crate) struct Connection {
    pub id: ConnectionId,
    inbound: VecDeque<u8>,
    forwarded: Wrapping<u32>,
    told_forwarded: Wrapping<u32>,
    outbound: VecDeque<u8>,
    sent: Wrapping<u32>,
    peer_alloc: u32,
    peer_forwarded: Wrapping<u32>,
    due: Due,
    /// The guest sends no more.
    pub ended: bool,
    /// The guest receives no more.
    pub deaf: bool,
    /// The owner has to read until empty before it is told again.
    pub told_readable: bool,
    /// A write was cut short; the owner waits to be told of room.
    pub starved: bool,
    /// Over for the owner; only the reset remains to be sent.
    pub dead: bool,
}

/// The guest sent more than it was allowed to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CreditExceeded;

impl Connection {
    /// Answers a REQUEST.
    pub fn accept(id: ConnectionId, request: &Header) -> Self {
        let mut connection = Self {
            id,
            inbound: VecDeque::new(),
            forwarded: Wrapping(0),
            told_forwarded: Wrapping(0),
            outbound: VecDeque::new(),
            sent: Wrapping(0),
            peer_alloc: 0,
            peer_forwarded: Wrapping(0),
            due: Due {
                response: true,
                ..Due::default()
            },
            ended: false,
            deaf: false,
            told_readable: false,
            starved: false,
            dead: false,
        };
        connection.note_credit(request);
        connection
    }

    /// Takes the credit that every packet of the guest carries.
    pub fn note_credit(&mut self, header: &Header) {
        self.peer_alloc = header.buf_alloc;
        self.peer_forwarded = Wrapping(header.fwd_cnt);
        self.due.credit_request = false;
    }

    /// Room for data of the guest.
    pub fn check_room(&self, bytes: u32) -> Result<(), CreditExceeded> {
        let room = INBOUND_BYTES as usize - self.inbound.len();
        if bytes as usize <= room {
            Ok(())
        } else {
            Err(CreditExceeded)
        }
    }

    /// Takes data of the guest, for which there is room.
    pub fn receive(&mut self, payload: &[u8]) {
        self.inbound.extend(payload);
    }

    /// Gives the owner up to `limit` bytes; none at the end of the stream.
    pub fn read(&mut self, limit: usize) -> Option<Vec<u8>> {
        if self.inbound.is_empty() {
            self.told_readable = false;
            return if self.ended { None } else { Some(Vec::new()) };
        }
        let count = limit.min(self.inbound.len());
        let bytes: Vec<u8> = self.inbound.drain(..count).collect();
        self.forwarded += u32::try_from(count).unwrap_or(0);
        let untold = (self.forwarded - self.told_forwarded).0;
        self.due.credit_update |= untold >= CREDIT_STEP;
        Some(bytes)
    }

    /// Takes a prefix of the owner's bytes and answers its length.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        if self.deaf {
            return bytes.len();
        }
        let count = bytes.len().min(OUTBOUND_BYTES - self.outbound.len());
        self.outbound.extend(&bytes[..count]);
        self.starved |= count < bytes.len();
        count
    }

    /// Whether the owner, cut short before, can write again; once.
    pub fn take_relief(&mut self) -> bool {
        let relieved = self.starved && self.outbound.len() <= OUTBOUND_BYTES / 2;
        if relieved {
            self.starved = false;
        }
        relieved
    }

    /// Asks for a credit update to be sent.
    pub fn owe_credit_update(&mut self) {
        self.due.credit_update = true;
    }

    /// Ends it for the owner; the guest gets a reset.
    pub fn abandon(&mut self) {
        self.dead = true;
        self.inbound = VecDeque::new();
        self.outbound = VecDeque::new();
        self.due = Due {
            reset: true,
            ..Due::default()
        };
    }

    /// Sends a reset but leaves the owner what it has not read yet.
    pub fn owe_reset(&mut self) {
        self.due.reset = true;
    }

    /// The next operation to send, with the length of its data.
    pub fn next_packet(&mut self) -> Option<(u16, u32)> {
        if self.due.response {
            return Some((op::RESPONSE, 0));
        }
        if self.due.reset {
            return Some((op::RST, 0));
        }
        if self.due.credit_update {
            return Some((op::CREDIT_UPDATE, 0));
        }
        let waiting = u32::try_from(self.outbound.len()).unwrap_or(u32::MAX);
        if waiting == 0 || self.deaf {
            return None;
        }
        let used = (self.sent - self.peer_forwarded).0;
        let data = waiting
            .min(self.peer_alloc.saturating_sub(used))
            .min(PAYLOAD_BYTES);
        if data > 0 {
            return Some((op::RW, data));
        }
        // Linux tells of room by itself; the request covers a guest that lost
        // an update, once per update.
        if self.due.credit_request {
            return None;
        }
        self.due.credit_request = true;
        Some((op::CREDIT_REQUEST, 0))
    }

    /// Notes that `next_packet` was sent with `payload` of the bytes waiting.
    pub fn sent(&mut self, operation: u16, payload: u32) {
        match operation {
            op::RESPONSE => self.due.response = false,
            op::RST => self.due.reset = false,
            op::RW => {
                self.outbound.drain(..payload as usize);
                self.sent += payload;
            }
            _ => {}
        }
        // Every packet carries the credit.
        self.due.credit_update = false;
        self.told_forwarded = self.forwarded;
    }

    /// The waiting bytes, for a data packet.
    pub fn waiting(&self) -> (&[u8], &[u8]) {
        self.outbound.as_slices()
    }

    /// The fields of a header that tell the guest of our room.
    pub fn credit(&self) -> (u32, u32) {
        (INBOUND_BYTES, self.forwarded.0)
    }
}
