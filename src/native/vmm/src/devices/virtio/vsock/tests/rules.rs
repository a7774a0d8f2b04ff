//! A guest that follows the rules.

use vm_memory::ByteValued;

use super::super::connection::{INBOUND_BYTES, OUTBOUND_BYTES};
use super::super::packet::{Header, SHUTDOWN_RECEIVE, SHUTDOWN_SEND, op};
use super::{Bench, PORT, closed, header};
use crate::devices::virtio::VirtioDevice;
use crate::events::Event;

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
