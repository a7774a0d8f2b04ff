//! Packets from and to the guest.

use std::io::{Read, Write};

use super::connection::Ports;
use super::device::{MAX_ORPHANS, RX, TX, Vsock};
use super::packet::{
    HEADER_BYTES, HOST_CID, Header, PAYLOAD_BYTES, SHUTDOWN_RECEIVE, SHUTDOWN_SEND, TYPE_STREAM, op,
};
use crate::devices::virtio::Progress;
use crate::devices::virtio::queue::QueueIo;
use crate::metrics::add;

/// Packets taken with the lock held.
const BUDGET: usize = 128;
/// Packets given with the lock held; a guest that gives buffers too small for
/// anything ends there.
const BUDGET_RX: usize = 1024;

impl Vsock {
    /// Takes packets of the guest while there is room for what they may cause.
    pub(super) fn serve_tx(&mut self, io: &mut QueueIo<'_>) -> Progress {
        for _ in 0..BUDGET {
            if self.orphans.len() >= MAX_ORPHANS {
                self.serve_rx(io);
                if self.orphans.len() >= MAX_ORPHANS {
                    // Goes on when the guest gives receive buffers.
                    return Progress::Idle;
                }
            }
            let Some(chain) = io.pop(TX) else {
                self.serve_rx(io);
                return if io.rearm(TX) {
                    Progress::More
                } else {
                    Progress::Idle
                };
            };
            let head = chain.head_index();
            let memory = io.memory();
            if let Ok(mut reader) = chain.reader(memory)
                && let Ok(header) = reader.read_obj::<Header>()
            {
                self.take_packet(&header, &mut reader);
            }
            io.push(TX, head, 0);
        }
        self.serve_rx(io);
        Progress::More
    }

    fn take_packet(&mut self, header: &Header, payload: &mut impl Read) {
        if header.src_cid != self.guest_cid || header.dst_cid != HOST_CID {
            return;
        }
        let ports = Ports {
            guest: header.src_port,
            host: header.dst_port,
        };
        if header.type_ != TYPE_STREAM {
            return self.reject(ports, header.op);
        }
        let live = self
            .connections
            .get_mut(&ports)
            .filter(|connection| !connection.dead);
        if header.op == op::REQUEST {
            if live.is_some() {
                return self.fail(ports, "the guest opened the connection twice");
            }
            let free = !self.connections.contains_key(&ports);
            if free && self.listening.contains(&ports.host) && self.has_place() {
                return self.accept(ports, header);
            }
            return self.reject(ports, header.op);
        }
        let Some(connection) = live else {
            return self.reject(ports, header.op);
        };
        connection.note_credit(header);
        match header.op {
            op::RW => self.take_data(ports, header.len, payload),
            op::CREDIT_UPDATE => {}
            op::CREDIT_REQUEST => connection.owe_credit_update(),
            op::SHUTDOWN => self.take_shutdown(ports, header.flags),
            op::RST => {
                let id = connection.id;
                self.connections.remove(&ports);
                self.events.closed(id, "the guest reset the connection");
            }
            _ => self.fail(ports, "the guest sent an operation that does not fit"),
        }
        self.relieve(ports);
    }

    fn take_data(&mut self, ports: Ports, len: u32, payload: &mut impl Read) {
        let Some(connection) = self.connections.get_mut(&ports) else {
            return;
        };
        if len > PAYLOAD_BYTES || connection.ended {
            return self.fail(
                ports,
                "the guest sent a packet that is too long or behind its end",
            );
        }
        if connection.check_room(len).is_err() {
            return self.fail(ports, "the guest sent more than its credit");
        }
        self.payload.resize(len as usize, 0);
        if payload.read_exact(&mut self.payload).is_err() {
            return self.fail(ports, "the guest sent less data than its header says");
        }
        connection.receive(&self.payload);
        add(&self.metrics.vsock_tx_bytes, u64::from(len));
        if len > 0 && !connection.told_readable {
            connection.told_readable = true;
            self.events.readable(connection.id);
        }
    }

    fn take_shutdown(&mut self, ports: Ports, flags: u32) {
        let Some(connection) = self.connections.get_mut(&ports) else {
            return;
        };
        connection.ended |= flags & SHUTDOWN_SEND != 0;
        connection.deaf |= flags & SHUTDOWN_RECEIVE != 0;
        if connection.ended && connection.deaf {
            connection.owe_reset();
        }
        if connection.ended {
            self.events.readable(connection.id);
        }
    }

    /// Tells the owner of room that has come.
    fn relieve(&mut self, ports: Ports) {
        if let Some(connection) = self.connections.get_mut(&ports)
            && connection.take_relief()
        {
            self.events.writable(connection.id);
        }
    }

    /// Answers a packet of no connection with a reset, unless it is one.
    fn reject(&mut self, ports: Ports, operation: u16) {
        if operation != op::RST {
            self.orphans.push_back(ports);
        }
    }

    /// Gives the guest what waits for it, as far as it has buffers.
    pub(super) fn serve_rx(&mut self, io: &mut QueueIo<'_>) {
        for _ in 0..BUDGET_RX {
            let Some((ports, operation, limit)) = self.next_packet() else {
                return;
            };
            let Some(chain) = io.pop(RX) else {
                if io.rearm(RX) {
                    continue;
                }
                return;
            };
            let head = chain.head_index();
            let memory = io.memory();
            let written = match chain.writer(memory) {
                Ok(mut writer) => {
                    let room = writer.available_bytes();
                    self.send(ports, operation, limit, room, &mut writer)
                }
                Err(_) => 0,
            };
            io.push(RX, head, written);
        }
    }

    /// The connection whose turn it is, the operation and its data's length.
    fn next_packet(&mut self) -> Option<(Ports, u16, u32)> {
        if let Some(ports) = self.orphans.front() {
            return Some((*ports, op::RST, 0));
        }
        let turn = self.turn.unwrap_or(Ports { guest: 0, host: 0 });
        let (after, until) = (turn.., ..turn);
        if let Some(found) = self.first_with_packet(after) {
            Some(found)
        } else {
            self.first_with_packet(until)
        }
    }

    fn first_with_packet(
        &mut self,
        range: impl std::ops::RangeBounds<Ports>,
    ) -> Option<(Ports, u16, u32)> {
        self.connections
            .range_mut(range)
            .find_map(|(ports, connection)| {
                connection.next_packet().map(|(op, len)| (*ports, op, len))
            })
    }

    /// Writes one packet into a chain of `room` bytes, and answers what it took;
    /// 0 for a chain that cannot hold a header, which goes back unused.
    fn send(
        &mut self,
        ports: Ports,
        operation: u16,
        limit: u32,
        room: usize,
        writer: &mut impl Write,
    ) -> u32 {
        let Some(space) = room.checked_sub(HEADER_BYTES) else {
            return 0;
        };
        let payload = limit.min(u32::try_from(space).unwrap_or(u32::MAX));
        if operation == op::RW && payload == 0 {
            return 0;
        }
        let orphan = self.orphans.front() == Some(&ports) && operation == op::RST;
        let credit = self
            .connections
            .get(&ports)
            .filter(|_| !orphan)
            .map_or((0, 0), |c| c.credit());
        let header = self.header(ports, operation, payload, credit);
        let mut written = writer
            .write_all(vm_memory::ByteValued::as_slice(&header))
            .is_ok();
        if orphan {
            self.orphans.pop_front();
        } else if let Some(connection) = self.connections.get_mut(&ports) {
            let (first, second) = connection.waiting();
            let in_first = first.len().min(payload as usize);
            let in_second = payload as usize - in_first;
            written &= writer.write_all(&first[..in_first]).is_ok();
            written &= writer.write_all(&second[..in_second]).is_ok();
            connection.sent(operation, payload);
            if operation == op::RST && connection.dead {
                self.connections.remove(&ports);
            }
            self.turn = Some(Ports {
                guest: ports.guest,
                host: ports.host.wrapping_add(1),
            });
            add(&self.metrics.vsock_rx_bytes, u64::from(payload));
            self.relieve(ports);
        }
        if written {
            u32::try_from(HEADER_BYTES).unwrap_or(0) + payload
        } else {
            0
        }
    }
}
