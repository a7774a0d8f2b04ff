//! The socket device: which connections there are and what the owner does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use virtio_bindings::virtio_ids::VIRTIO_ID_VSOCK;

use super::ConnectionId;
use super::connection::{Connection, Ports};
use super::packet::{Header, TYPE_STREAM};
use crate::devices::virtio::queue::QueueIo;
use crate::devices::virtio::{Progress, VirtioDevice};
use crate::error::MachineError;
use crate::events::EventQueue;
use crate::metrics::Metrics;

/// Queue of packets to the guest.
pub(crate) const RX: usize = 0;
/// Queue of packets from the guest.
pub(crate) const TX: usize = 1;
/// Receive, transmit, event. Linux gives half a queue of receive buffers ahead.
const QUEUE_SIZES: &[u16] = &[128, 128, 8];
/// Connections of a guest at a time, those included whose end has not been
/// taken by the owner.
pub(crate) const MAX_CONNECTIONS: usize = 64;
/// Resets that wait for receive buffers, for packets of no connection.
pub(crate) const MAX_ORPHANS: usize = 64;

/// The device, its listening ports and its connections.
pub(crate) struct Vsock {
    pub(super) guest_cid: u64,
    config: [u8; 8],
    pub(super) listening: BTreeSet<u32>,
    pub(super) connections: BTreeMap<Ports, Connection>,
    /// Whose turn it is to send.
    pub(super) turn: Option<Ports>,
    pub(super) orphans: VecDeque<Ports>,
    pub(super) events: Arc<EventQueue>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) payload: Vec<u8>,
    next_id: u32,
}

impl Vsock {
    /// A device for the guest `guest_cid` with the host listening on `ports`.
    pub fn new(
        guest_cid: u64,
        ports: &[u32],
        events: Arc<EventQueue>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            guest_cid,
            config: guest_cid.to_le_bytes(),
            listening: ports.iter().copied().collect(),
            connections: BTreeMap::new(),
            turn: None,
            orphans: VecDeque::new(),
            events,
            metrics,
            payload: Vec::new(),
            next_id: 1,
        }
    }

    /// Up to `limit` bytes that the guest sent; empty when there are none now,
    /// `None` at the end of its stream, which also ends the connection.
    pub fn read(
        &mut self,
        id: ConnectionId,
        limit: usize,
        io: &mut QueueIo<'_>,
    ) -> Result<Option<Vec<u8>>, MachineError> {
        let connection = self.find(id)?;
        let bytes = connection.read(limit);
        if bytes.is_none() {
            connection.abandon();
            self.events.closed(id, "the guest ended the connection");
        }
        self.serve_rx(io);
        Ok(bytes)
    }

    /// Takes a prefix of `bytes` for the guest and answers its length.
    pub fn write(
        &mut self,
        id: ConnectionId,
        bytes: &[u8],
        io: &mut QueueIo<'_>,
    ) -> Result<usize, MachineError> {
        let count = self.find(id)?.write(bytes);
        self.serve_rx(io);
        Ok(count)
    }

    /// Resets a connection.
    pub fn close(&mut self, id: ConnectionId, io: &mut QueueIo<'_>) -> Result<(), MachineError> {
        self.find(id)?.abandon();
        self.serve_rx(io);
        Ok(())
    }

    fn find(&mut self, id: ConnectionId) -> Result<&mut Connection, MachineError> {
        self.connections
            .values_mut()
            .find(|connection| connection.id == id && !connection.dead)
            .ok_or(MachineError::NoConnection(id.0))
    }

    pub(super) fn accept(&mut self, ports: Ports, request: &Header) {
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        self.connections
            .insert(ports, Connection::accept(id, request));
        self.events.opened(id, ports.host);
    }

    /// Whether one more connection is within the limits.
    pub(super) fn has_place(&self) -> bool {
        self.connections.len().max(self.events.connections()) < MAX_CONNECTIONS
            && self.next_id < u32::MAX
    }

    /// Ends a connection for the owner at the guest's doing.
    pub(super) fn fail(&mut self, ports: Ports, reason: &'static str) {
        if let Some(connection) = self.connections.get_mut(&ports)
            && !connection.dead
        {
            connection.abandon();
            self.events.closed(connection.id, reason);
        }
    }

    pub(super) fn header(
        &self,
        ports: Ports,
        op: u16,
        len: u32,
        (buf_alloc, fwd_cnt): (u32, u32),
    ) -> Header {
        Header {
            src_cid: super::packet::HOST_CID,
            dst_cid: self.guest_cid,
            src_port: ports.host,
            dst_port: ports.guest,
            len,
            type_: TYPE_STREAM,
            op,
            flags: 0,
            buf_alloc,
            fwd_cnt,
        }
    }
}

impl VirtioDevice for Vsock {
    fn stage(&self) -> &'static str {
        "virtio-vsock"
    }

    fn device_id(&self) -> u32 {
        VIRTIO_ID_VSOCK
    }

    fn queue_sizes(&self) -> &'static [u16] {
        QUEUE_SIZES
    }

    fn config(&self) -> &[u8] {
        &self.config
    }

    fn notify(&mut self, queue: usize, io: &mut QueueIo<'_>) -> Progress {
        match queue {
            RX => {
                self.serve_rx(io);
                // Transmission may have waited for room among the replies.
                self.serve_tx(io)
            }
            TX => self.serve_tx(io),
            _ => Progress::Idle,
        }
    }

    fn reset(&mut self) {
        for connection in self
            .connections
            .values()
            .filter(|connection| !connection.dead)
        {
            self.events
                .closed(connection.id, "the guest reset the device");
        }
        self.connections.clear();
        self.orphans.clear();
        self.turn = None;
    }
}
