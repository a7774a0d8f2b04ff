//! The socket device against a driver that follows the rules, and against ones
//! that do not.

use std::sync::Arc;

use vm_memory::{ByteValued, Bytes, GuestAddress, GuestMemoryMmap};

use super::connection::{INBOUND_BYTES, OUTBOUND_BYTES};
use super::device::{MAX_CONNECTIONS, MAX_ORPHANS, RX, TX, Vsock};
use super::packet::{HEADER_BYTES, Header, SHUTDOWN_RECEIVE, SHUTDOWN_SEND, TYPE_STREAM, op};
use crate::devices::virtio::queue::QueueIo;
use crate::devices::virtio::test_driver::{Driver, WRITE};
use crate::devices::virtio::{Progress, VirtioDevice};
use crate::error::MachineError;
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
    fn connected() -> (Self, super::ConnectionId) {
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

#[test]
fn bytes_go_both_ways() {
    let (mut bench, id) = Bench::connected();
    bench.send_with(header(op::RW, 0), b"hello host");
    assert_eq!(bench.events.take(), [Event::VsockReadable(id)]);
    assert_eq!(
        bench.io(|d, io| d.read(id, 5, io)).unwrap().unwrap(),
        b"hello"
    );
    assert_eq!(
        bench.io(|d, io| d.read(id, 99, io)).unwrap().unwrap(),
        b" host"
    );
    assert_eq!(bench.io(|d, io| d.read(id, 99, io)).unwrap().unwrap(), b"");
    assert_eq!(
        bench.io(|d, io| d.write(id, b"hello guest", io)).unwrap(),
        11
    );
    let packets = bench.received();
    assert_eq!(packets.len(), 1);
    let (packet, payload) = &packets[0];
    let fields = (
        packet.op,
        packet.src_port,
        packet.dst_port,
        packet.fwd_cnt,
        packet.buf_alloc,
    );
    assert_eq!(fields, (op::RW, PORT, 7, 10, INBOUND_BYTES));
    assert_eq!(payload, b"hello guest");
}

#[test]
fn a_port_that_nobody_listens_on_is_refused() {
    let mut bench = Bench::new();
    bench.give_buffers(4);
    bench.send(Header {
        dst_port: 9,
        ..header(op::REQUEST, 0)
    });
    assert_eq!(bench.ops(), [op::RST]);
    assert!(bench.events.take().is_empty());
}

#[test]
fn the_guest_cannot_send_more_than_its_credit() {
    let (mut bench, id) = Bench::connected();
    let chunk = vec![1; 64 << 10];
    for _ in 0..INBOUND_BYTES / (64 << 10) {
        bench.send_with(header(op::RW, 0), &chunk);
    }
    assert!(!closed(&bench.events.take()));
    bench.send_with(header(op::RW, 0), b"x");
    assert!(closed(&bench.events.take()));
    assert!(matches!(
        bench.io(|d, io| d.read(id, 1, io)),
        Err(MachineError::NoConnection(_))
    ));
}

#[test]
fn reading_gives_the_guest_room_again() {
    let (mut bench, id) = Bench::connected();
    bench.send_with(header(op::RW, 0), &vec![1; 64 << 10]);
    assert!(bench.ops().is_empty());
    bench.io(|d, io| d.read(id, 64 << 10, io)).unwrap();
    let packets = bench.received();
    assert_eq!(packets.len(), 1);
    let fields = (packets[0].0.op, packets[0].0.fwd_cnt);
    assert_eq!(fields, (op::CREDIT_UPDATE, 64 << 10));
}

#[test]
fn the_owner_cannot_send_more_than_the_guest_has_room_for() {
    let (mut bench, id) = Bench::connected();
    bench.send(Header {
        buf_alloc: 10,
        ..header(op::CREDIT_UPDATE, 0)
    });
    let total = OUTBOUND_BYTES + 10;
    let mut given = bench.io(|d, io| d.write(id, &vec![2; total], io)).unwrap();
    assert_eq!(given, OUTBOUND_BYTES);
    let sent: usize = bench
        .received()
        .iter()
        .map(|(_, payload)| payload.len())
        .sum();
    assert_eq!(sent, 10);
    given += bench
        .io(|d, io| d.write(id, &vec![2; total - given], io))
        .unwrap();
    assert_eq!(given, total);
    assert_eq!(bench.io(|d, io| d.write(id, b"z", io)).unwrap(), 0);
    bench.events.take();

    bench.send(Header {
        buf_alloc: 1 << 20,
        fwd_cnt: 10,
        ..header(op::CREDIT_UPDATE, 0)
    });
    let mut rest = 0;
    loop {
        let packets = bench.received();
        if packets.is_empty() {
            break;
        }
        rest += packets
            .iter()
            .map(|(_, payload)| payload.len())
            .sum::<usize>();
    }
    assert_eq!(rest, total - 10);
    assert_eq!(bench.events.take(), [Event::VsockWritable(id)]);
}

#[test]
fn a_guest_without_credit_is_asked_once() {
    let (mut bench, id) = Bench::connected();
    bench.send(Header {
        buf_alloc: 0,
        ..header(op::CREDIT_UPDATE, 0)
    });
    bench.io(|d, io| d.write(id, b"abc", io)).unwrap();
    bench.io(|d, io| d.write(id, b"def", io)).unwrap();
    assert_eq!(bench.ops(), [op::CREDIT_REQUEST]);
    assert!(bench.ops().is_empty());
}

#[test]
fn the_end_of_the_stream_comes_after_its_bytes() {
    let (mut bench, id) = Bench::connected();
    bench.send_with(header(op::RW, 0), b"last");
    bench.send(header(op::SHUTDOWN, SHUTDOWN_SEND | SHUTDOWN_RECEIVE));
    bench.events.take();
    assert_eq!(
        bench.io(|d, io| d.read(id, 99, io)).unwrap().unwrap(),
        b"last"
    );
    assert_eq!(bench.io(|d, io| d.read(id, 99, io)).unwrap(), None);
    assert!(closed(&bench.events.take()));
    assert!(bench.ops().contains(&op::RST));
    assert!(bench.device.connections.is_empty());
}

#[test]
fn closing_resets_and_forgets() {
    let (mut bench, id) = Bench::connected();
    bench.io(|d, io| d.write(id, b"unsent", io)).unwrap();
    bench.io(|d, io| d.close(id, io)).unwrap();
    assert_eq!(bench.ops(), [op::RW, op::RST]);
    assert!(bench.io(|d, io| d.close(id, io)).is_err());
    assert!(bench.device.connections.is_empty());
    bench.send_with(header(op::RW, 0), b"late");
    assert_eq!(bench.ops(), [op::RST]);
}

#[test]
fn wild_packets_are_dropped_or_reset() {
    let mut bench = Bench::new();
    bench.give_buffers(64);
    bench.send(Header {
        src_cid: 99,
        ..header(op::REQUEST, 0)
    });
    bench.send(Header {
        dst_cid: 99,
        ..header(op::REQUEST, 0)
    });
    assert!(bench.ops().is_empty());
    bench.send(Header {
        type_: 2,
        ..header(op::REQUEST, 0)
    });
    for operation in [
        op::RW,
        op::SHUTDOWN,
        op::CREDIT_UPDATE,
        op::RESPONSE,
        0,
        999,
    ] {
        bench.send(header(operation, u32::MAX));
    }
    assert_eq!(bench.ops(), [op::RST; 7]);
    bench.send(header(op::RST, 0));
    assert!(bench.ops().is_empty());
    assert!(bench.events.take().is_empty());
}

#[test]
fn lengths_that_lie_end_the_connection() {
    for length in [u32::MAX, (64 << 10) + 1, 100] {
        let (mut bench, _) = Bench::connected();
        bench.send_raw(
            Header {
                len: length,
                ..header(op::RW, 0)
            },
            b"short",
        );
        assert!(closed(&bench.events.take()), "length {length}");
        assert_eq!(bench.ops(), [op::RST]);
    }
}

#[test]
fn data_behind_the_end_and_a_second_request_end_the_connection() {
    let (mut bench, _) = Bench::connected();
    bench.send(header(op::SHUTDOWN, SHUTDOWN_SEND));
    bench.send_with(header(op::RW, 0), b"x");
    assert!(closed(&bench.events.take()));
    let (mut bench, _) = Bench::connected();
    bench.send(header(op::REQUEST, 0));
    assert!(closed(&bench.events.take()));
}

#[test]
fn broken_chains_do_nothing() {
    let (mut bench, _) = Bench::connected();
    for chain in [
        &[(u64::MAX - 8, 44, 0)][..],
        &[(PAYLOAD_AT, 10, 0)],
        &[(PAYLOAD_AT, 0, 0)],
        &[(PAYLOAD_AT, 44, WRITE)],
        &[(1 << 40, u32::MAX, 0), (PAYLOAD_AT, 44, 0)],
    ] {
        bench.driver.offer(TX, chain);
        bench.notify(TX);
    }
    assert_eq!(bench.driver.used(TX).len(), 5);
    assert!(bench.events.take().is_empty());
}

#[test]
fn chains_that_loop_and_rings_that_lie_come_to_an_end() {
    let (mut bench, _) = Bench::connected();
    bench.driver.offer_loop(TX);
    bench.notify(TX);
    bench.driver.corrupt_available_index(TX);
    bench.notify(TX);
    bench.driver.move_rings(TX, GuestAddress(u64::MAX - 4096));
    bench.notify(TX);
    bench.notify(99);
}

#[test]
fn receive_buffers_too_small_for_a_header_are_skipped() {
    let (mut bench, id) = Bench::connected();
    bench.driver.used(RX);
    for _ in 0..40 {
        bench.driver.offer(RX, &[(RX_BUFFERS_AT, 43, WRITE)]);
    }
    bench.notify(RX);
    bench.io(|d, io| d.write(id, b"data", io)).unwrap();
    let data: Vec<u8> = bench
        .received()
        .into_iter()
        .filter(|p| p.0.op == op::RW)
        .flat_map(|p| p.1)
        .collect();
    assert_eq!(data, b"data");
}

#[test]
fn connections_are_limited_and_so_are_those_not_taken_notice_of() {
    let mut bench = Bench::new();
    bench.give_buffers(100);
    for port in 0..1000 {
        bench.send(Header {
            src_port: port,
            ..header(op::REQUEST, 0)
        });
        bench.received();
    }
    assert_eq!(bench.device.connections.len(), MAX_CONNECTIONS);
    for port in 0..1000 {
        bench.send(Header {
            src_port: port,
            ..header(op::RST, 0)
        });
        bench.send(Header {
            src_port: port,
            ..header(op::REQUEST, 0)
        });
        bench.received();
    }
    assert!(bench.events.take().len() <= 2 * MAX_CONNECTIONS);
}

#[test]
fn a_guest_that_takes_no_answers_is_not_served_further() {
    let mut bench = Bench::new();
    for _ in 0..MAX_ORPHANS + 50 {
        bench.send(header(op::RW, 0));
    }
    assert_eq!(bench.device.orphans.len(), MAX_ORPHANS);
    bench.give_buffers(120);
    let mut resets = 0;
    loop {
        let count = bench.ops().len();
        resets += count;
        if count == 0 {
            break;
        }
    }
    assert_eq!(resets, MAX_ORPHANS + 50);
}

#[test]
fn a_device_reset_closes_all() {
    let (mut bench, id) = Bench::connected();
    bench.device.reset();
    assert!(closed(&bench.events.take()));
    assert!(bench.io(|d, io| d.write(id, b"x", io)).is_err());
}

#[test]
fn the_header_is_as_the_specification_says() {
    let bytes = header(op::RW, 3).as_slice().to_vec();
    assert_eq!(bytes.len(), 44);
    assert_eq!(&bytes[16..20], &7u32.to_le_bytes());
    assert_eq!(&bytes[28..32], &[1, 0, 5, 0]);
}
