//! The connection: what it begins with, what it bounds, and what ends it.
#![allow(missing_docs, clippy::unwrap_used)]

mod harness;

use actovisor_agent::protocol::{
    Cancel, Data, Eof, Exec, INITIAL_GRANT, MAX_DATA, MAX_MESSAGE, Ping, Resize, Signal, Stream,
    ToAgent, WriteFile, failed::Code, from_agent::Body, to_agent,
};
use std::io::Write as _;

use harness::{Host, exec, is_alive};
use prost::Message as _;

#[test]
fn hello_says_who_is_there() {
    let host = Host::new();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(
        (host.hello.protocol, host.hello.kernel.as_str()),
        (1, kernel.trim())
    );
    assert_eq!(host.hello.agent_version, env!("CARGO_PKG_VERSION"));
    assert!(host.hello.started_ns > 0 && host.hello.ready_ns >= host.hello.started_ns);
}

#[test]
fn pings_are_answered_in_order_whatever_their_framing() {
    let mut host = Host::new();
    let ids: Vec<u32> = (1..=1000).collect();
    let bytes: Vec<u8> = ids.iter().flat_map(|id| ping(*id)).collect();
    for part in bytes.chunks(7) {
        host.send_bytes(part);
    }
    for id in ids {
        assert!(matches!(host.receive_for(id), Body::Done(_)));
    }
}

#[test]
fn more_requests_than_the_limit_are_refused() {
    let mut host = Host::new();
    let bytes: Vec<u8> = (0..10_000_u32)
        .flat_map(|index| {
            let path = host.path(&format!("file{index}"));
            let request = WriteFile {
                path,
                ..Default::default()
            };
            message(index + 1, Some(to_agent::Body::WriteFile(request)))
        })
        .collect();
    let mut sender = host.sender();
    let thread = std::thread::spawn(move || sender.write_all(&bytes).unwrap());
    for index in 256..10_000_u32 {
        match host.receive_for(index + 1) {
            Body::Failed(failed) => assert_eq!(failed.code, i32::from(Code::Limit)),
            other => panic!("{other:?}"),
        }
    }
    thread.join().unwrap();
    host.send(1, to_agent::Body::Cancel(Cancel {}));
    assert!(matches!(host.receive_for(1), Body::Failed(_)));
    let id = 1_000_000;
    host.send(id, to_agent::Body::Exec(exec(&["echo", "room"])));
    assert_eq!(host.finish(id).out(), "room\n");
}

#[test]
fn a_host_that_does_not_read_is_not_read_from() {
    let mut host = Host::new();
    // Ten thousand answers do not fit anywhere: the agent must stop taking requests,
    // and take them again when their answers are read.
    let total = 200_000;
    let bytes: Vec<u8> = (1..=total).flat_map(ping).collect();
    let mut sender = host.sender();
    let thread = std::thread::spawn(move || sender.write_all(&bytes).unwrap());
    for id in 1..=total {
        assert!(matches!(host.receive_for(id), Body::Done(_)));
    }
    thread.join().unwrap();
}

#[test]
fn violations_end_the_connection_and_its_programs() {
    let mut host = Host::new();
    let wrong: Vec<(&str, Vec<u8>)> = vec![
        (
            "garbage",
            vec![
                0xde, 0xad, 0xbe, 0xef, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66,
            ],
        ),
        ("an endless length", vec![0xff; 16]),
        ("too long a message", prefix(MAX_MESSAGE + 1)),
        ("no message", [prefix(3), vec![0xff, 0xff, 0xff]].concat()),
        ("no body", message(9, None)),
        ("request 0", message(0, Some(to_agent::Body::Ping(Ping {})))),
        (
            "an id in use",
            message(1, Some(to_agent::Body::Exec(exec(&["true"])))),
        ),
        ("too long a Data", data(1, Stream::Stdin, MAX_DATA + 1)),
        (
            "Data beyond the grant",
            (0..6)
                .flat_map(|_| data(1, Stream::Stdin, MAX_DATA))
                .collect(),
        ),
        ("Data of another stream", data(1, Stream::Stdout, 1)),
        (
            "Data after the end",
            [eof(1, Stream::Stdin), data(1, Stream::Stdin, 1)].concat(),
        ),
        (
            "a second end",
            [eof(1, Stream::Stdin), eof(1, Stream::Stdin)].concat(),
        ),
        ("an end of another stream", eof(1, Stream::File)),
    ];
    for (what, bytes) in wrong {
        let request = Exec {
            stdin: true,
            ..exec(&["sleep", "1000"])
        };
        host.send(1, to_agent::Body::Exec(request));
        let pid = host.started(1);
        host.try_send_bytes(&bytes);
        assert!(host.is_closed(), "{what}");
        host.accept();
        assert!(!is_alive(pid), "{what}");
    }
    assert_eq!(host.shell("echo on").out(), "on\n");
    let said = host.said();
    assert!(
        said.contains("connection: a length prefix that is no varint"),
        "{said}"
    );
    assert!(
        said.contains(&format!("the limit is {MAX_MESSAGE}")),
        "{said}"
    );
    assert_eq!(said.lines().count(), 13, "{said}");
}

#[test]
fn messages_for_requests_of_another_kind_end_the_connection() {
    let mut host = Host::new();
    for body in [
        to_agent::Body::Signal(Signal { number: 9 }),
        to_agent::Body::Resize(Resize { size: None }),
    ] {
        let path = host.path("file");
        host.send(
            1,
            to_agent::Body::WriteFile(WriteFile {
                path,
                ..Default::default()
            }),
        );
        host.send(1, body);
        assert!(host.is_closed());
        host.accept();
    }
}

#[test]
fn messages_for_requests_that_are_over_are_dropped() {
    let mut host = Host::new();
    for body in [
        to_agent::Body::Signal(Signal { number: 9 }),
        to_agent::Body::Resize(Resize { size: None }),
        to_agent::Body::Cancel(Cancel {}),
        to_agent::Body::Eof(Eof {
            stream: Stream::Stdin.into(),
        }),
    ] {
        host.send(77, body);
    }
    host.send_bytes(&data(77, Stream::Stdin, 1));
    assert!(matches!(
        host.ask(to_agent::Body::Ping(Ping {})),
        Body::Done(_)
    ));
}

#[test]
fn an_id_may_be_used_again_after_its_answer() {
    let mut host = Host::new();
    for _ in 0..3 {
        host.send(5, to_agent::Body::Exec(exec(&["echo", "again"])));
        assert_eq!(host.finish(5).out(), "again\n");
    }
}

#[test]
fn input_up_to_the_grant_is_no_violation() {
    let mut host = Host::new();
    let id = host.open(to_agent::Body::Exec(Exec {
        stdin: true,
        ..exec(&["sleep", "1000"])
    }));
    for _ in 0..INITIAL_GRANT / MAX_DATA {
        host.send_bytes(&data(id, Stream::Stdin, MAX_DATA));
    }
    host.eof(id, Stream::Stdin);
    host.send(id, to_agent::Body::Cancel(Cancel {}));
    assert_eq!(host.finish(id).signal(), Some(9));
}

fn ping(id: u32) -> Vec<u8> {
    message(id, Some(to_agent::Body::Ping(Ping {})))
}

fn message(request: u32, body: Option<to_agent::Body>) -> Vec<u8> {
    ToAgent { request, body }.encode_length_delimited_to_vec()
}

fn data(request: u32, stream: Stream, length: usize) -> Vec<u8> {
    let data = Data {
        stream: stream.into(),
        bytes: vec![0; length],
    };
    message(request, Some(to_agent::Body::Data(data)))
}

fn eof(request: u32, stream: Stream) -> Vec<u8> {
    message(
        request,
        Some(to_agent::Body::Eof(Eof {
            stream: stream.into(),
        })),
    )
}

fn prefix(length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encode_length_delimiter(length, &mut bytes).unwrap();
    bytes
}
