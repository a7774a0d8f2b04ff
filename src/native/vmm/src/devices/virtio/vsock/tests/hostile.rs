//! Guests that break the rules: they lose their connection, nothing else.

use vm_memory::GuestAddress;

use super::super::connection::INBOUND_BYTES;
use super::super::device::{MAX_CONNECTIONS, MAX_ORPHANS, RX, TX};
use super::super::packet::{Header, SHUTDOWN_SEND, op};
use super::{Bench, PAYLOAD_AT, RX_BUFFERS_AT, closed, header};
use crate::devices::virtio::test_driver::WRITE;
use crate::error::MachineError;

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
