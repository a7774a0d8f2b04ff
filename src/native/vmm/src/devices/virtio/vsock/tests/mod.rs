//! The socket device against a driver that follows the rules, and against ones
//! that do not.

mod hostile;
mod rules;

use std::sync::Arc;

use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::ConnectionId;
use super::device::{RX, TX, Vsock};
use super::packet::{HEADER_BYTES, Header, TYPE_STREAM, op};
use crate::devices::virtio::queue::QueueIo;
use crate::devices::virtio::test_driver::{Driver, WRITE};
use crate::devices::virtio::{Progress, VirtioDevice};
use crate::events::{Event, EventQueue};
use crate::memory::map_ram;

const GUEST: u64 = 3;
const PORT: u32 = 1024;
const PAYLOAD_AT: u64 = 0x20_0000;
const RX_BUFFERS_AT: u64 = 0x80_0000;
const RX_BUFFER: u32 = 4096;

struct Bench {
    device: Vsock,
    events: Arc<EventQueue>,
    driver: Driver,
}

impl Bench {
    fn new() -> Self {
        let events = Arc::new(EventQueue::new(Box::new(|| ())));
        let device = Vsock::new(GUEST, &[PORT], Arc::clone(&events), Arc::default());
        Self {
            device,
            events,
            driver: Driver::new(map_ram(64).unwrap(), 2),
        }
    }

    /// A bench with one open connection, and receive buffers given.
    fn connected() -> (Self, ConnectionId) {
        let mut bench = Self::new();
        bench.give_buffers(64);
        bench.send(header(op::REQUEST, 0));
        let connection = match bench.events.take()[..] {
            [
                Event::VsockOpen {
                    connection,
                    port: PORT,
                },
            ] => connection,
            ref other => panic!("{other:?}"),
        };
        assert_eq!(bench.ops(), [op::RESPONSE]);
        (bench, connection)
    }

    fn memory(&self) -> GuestMemoryMmap {
        self.driver.memory.clone()
    }

    fn io<R>(&mut self, work: impl FnOnce(&mut Vsock, &mut QueueIo<'_>) -> R) -> R {
        let Self { device, driver, .. } = self;
        work(
            device,
            &mut QueueIo::new(&driver.memory, &mut driver.queues),
        )
    }

    fn notify(&mut self, queue: usize) {
        let mut goes = 0;
        while self.io(|device, io| device.notify(queue, io)) == Progress::More {
            goes += 1;
            assert!(goes < 100, "the device does not come to an end");
        }
    }

    fn give_buffers(&mut self, count: u32) {
        for index in 0..count {
            let at = RX_BUFFERS_AT + u64::from(index * RX_BUFFER);
            self.driver.offer(RX, &[(at, RX_BUFFER, WRITE)]);
        }
        self.notify(RX);
    }

    fn send(&mut self, header: Header) {
        self.send_with(header, &[]);
    }

    fn send_with(&mut self, mut header: Header, payload: &[u8]) {
        header.len = u32::try_from(payload.len()).unwrap();
        self.send_raw(header, payload);
    }

    fn send_raw(&mut self, header: Header, payload: &[u8]) {
        let memory = self.memory();
        memory.write_obj(header, GuestAddress(PAYLOAD_AT)).unwrap();
        memory
            .write_slice(payload, GuestAddress(PAYLOAD_AT + 64))
            .unwrap();
        let length = u32::try_from(payload.len()).unwrap();
        let head = (PAYLOAD_AT, u32::try_from(HEADER_BYTES).unwrap(), 0);
        if payload.is_empty() {
            self.driver.offer(TX, &[head]);
        } else {
            self.driver.offer(TX, &[head, (PAYLOAD_AT + 64, length, 0)]);
        }
        self.notify(TX);
        self.driver.used(TX);
    }

    /// What the guest received since the last look; buffers are given anew.
    fn received(&mut self) -> Vec<(Header, Vec<u8>)> {
        let memory = self.memory();
        let used = self.driver.used(RX);
        let packets = used
            .iter()
            .map(|(address, written)| {
                let header: Header = memory.read_obj(GuestAddress(*address)).unwrap();
                let mut payload = vec![0; header.len as usize];
                memory
                    .read_slice(&mut payload, GuestAddress(address + HEADER_BYTES as u64))
                    .unwrap();
                assert_eq!(*written as usize, HEADER_BYTES + payload.len());
                (header, payload)
            })
            .collect();
        for (address, _) in used {
            self.driver.offer(RX, &[(address, RX_BUFFER, WRITE)]);
        }
        self.notify(RX);
        packets
    }

    fn ops(&mut self) -> Vec<u16> {
        self.received()
            .iter()
            .map(|(header, _)| header.op)
            .collect()
    }
}

fn header(op: u16, flags: u32) -> Header {
    Header {
        src_cid: GUEST,
        dst_cid: 2,
        src_port: 7,
        dst_port: PORT,
        len: 0,
        type_: TYPE_STREAM,
        op,
        flags,
        buf_alloc: 1 << 20,
        fwd_cnt: 0,
    }
}

fn closed(events: &[Event]) -> bool {
    events
        .iter()
        .any(|event| matches!(event, Event::VsockClosed { .. }))
}
