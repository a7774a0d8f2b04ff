//! Bytes in both directions, and what bounds them.
#![allow(missing_docs, clippy::unwrap_used)]

mod harness;

use actovisor_agent::protocol::{Credit, Exec, INITIAL_GRANT, Stream, from_agent::Body, to_agent};
use harness::{Host, exec, shell, within_deadline};

const MEBIBYTE: usize = 1024 * 1024;

#[test]
fn fifty_megabytes_go_through_cat_unchanged() {
    let mut host = Host::new();
    let id = host.open(to_agent::Body::Exec(Exec {
        stdin: true,
        ..exec(&["cat"])
    }));
    let bytes = noise(50_000_000);
    let echoed = echo(&mut host, id, &bytes);
    assert!(echoed == bytes, "what came back differs");
    assert!(peak_memory(host.agent_pid()) < 8 * MEBIBYTE);
}

#[test]
fn fifty_megabytes_of_input_arrive_whole() {
    let mut host = Host::new();
    let request = Exec {
        stdin: true,
        ..exec(&["sha256sum"])
    };
    let id = host.open(to_agent::Body::Exec(request));
    host.started(id);
    let bytes = noise(50_000_000);
    assert!(host.feed(id, Stream::Stdin, &bytes).is_empty());
    let file = host.path("same");
    std::fs::write(&file, &bytes).unwrap();
    let sum = host.finish(id);
    let expected = host.shell(&format!("sha256sum < {file}"));
    assert_eq!((sum.code(), sum.out()), (Some(0), expected.out()));
}

#[test]
fn output_stops_at_what_was_granted() {
    let mut host = Host::new();
    let id = host.open(to_agent::Body::Exec(exec(&[
        "head",
        "-c",
        "1000000",
        "/dev/zero",
    ])));
    host.started(id);
    let mut received = 0;
    while received < INITIAL_GRANT {
        received += data(host.receive_for(id));
    }
    assert_eq!(received, INITIAL_GRANT);
    assert_nothing_comes(&mut host);
    let credit = Credit {
        stream: Stream::Stdout.into(),
        bytes: 1000,
    };
    host.send(id, to_agent::Body::Credit(credit));
    assert_eq!(data(host.receive_for(id)), 1000);
    assert_nothing_comes(&mut host);
    let credit = Credit {
        stream: Stream::Stdout.into(),
        bytes: u32::MAX,
    };
    host.send(id, to_agent::Body::Credit(credit));
    host.send(id, to_agent::Body::Credit(credit));
    assert_eq!(received + 1000 + host.finish(id).stdout.len(), 1_000_000);
}

#[test]
fn a_program_that_ends_with_the_grant_used_up_ends_all_the_same() {
    let mut host = Host::new();
    let size = INITIAL_GRANT.to_string();
    let id = host.open(to_agent::Body::Exec(exec(&[
        "head",
        "-c",
        &size,
        "/dev/zero",
    ])));
    let mut received = 0;
    let exited = loop {
        match host.receive_for(id) {
            Body::Exited(exited) => break exited,
            Body::Started(_) | Body::Eof(_) => {}
            body => received += data(body),
        }
    };
    assert_eq!((received, exited.code), (INITIAL_GRANT, Some(0)));
}

#[test]
fn input_that_is_not_read_is_not_granted_again() {
    let mut host = Host::new();
    let fifo = host.path("go");
    assert_eq!(host.run(exec(&["mkfifo", &fifo])).code(), Some(0));
    // It opens the FIFO first, so it reads no input until someone writes there.
    let script = format!("read line < {fifo}; wc -c");
    let id = host.open(to_agent::Body::Exec(Exec {
        stdin: true,
        ..shell(&script)
    }));
    host.started(id);
    let bytes = vec![7; INITIAL_GRANT];
    for part in bytes.chunks(65_536) {
        host.data(id, Stream::Stdin, part);
    }
    // What a pipe holds may have been granted again; not more.
    let mut granted = 0;
    host.send(1_000_000, to_agent::Body::Ping(Default::default()));
    loop {
        match host.receive() {
            message if message.request == 1_000_000 => break,
            message => match message.body.unwrap() {
                Body::Credit(credit) => granted += credit.bytes as usize,
                other => panic!("{other:?}"),
            },
        }
    }
    assert!(granted <= 65_536, "{granted} bytes were granted");
    let other = host.open(to_agent::Body::Exec(shell(&format!("echo > {fifo}"))));
    host.eof(id, Stream::Stdin);
    let all = host.finish_all(&[id, other]);
    assert_eq!(all[&id].out().trim(), INITIAL_GRANT.to_string());
}

#[test]
fn input_after_its_reader_is_gone_is_dropped() {
    let mut host = Host::new();
    let fifo = host.path("go");
    assert_eq!(host.run(exec(&["mkfifo", &fifo])).code(), Some(0));
    let script = format!("exec <&-; echo closed; read line < {fifo}; exit 3");
    let id = host.open(to_agent::Body::Exec(Exec {
        stdin: true,
        ..shell(&script)
    }));
    host.started(id);
    assert!(matches!(host.receive_for(id), Body::Data(_)));
    host.data(id, Stream::Stdin, b"nobody reads this");
    host.data(id, Stream::Stdin, b"nor this");
    host.eof(id, Stream::Stdin);
    let other = host.open(to_agent::Body::Exec(shell(&format!("echo > {fifo}"))));
    assert_eq!(host.finish_all(&[id, other])[&id].code(), Some(3));
}

#[test]
fn input_may_be_sent_before_the_program_has_started() {
    let mut host = Host::new();
    let id = host.open(to_agent::Body::Exec(Exec {
        stdin: true,
        ..exec(&["cat"])
    }));
    host.data(id, Stream::Stdin, b"early");
    host.eof(id, Stream::Stdin);
    assert_eq!(host.finish(id).out(), "early");
}

#[test]
fn input_that_crosses_the_end_of_its_program_is_dropped() {
    let mut host = Host::new();
    let id = host.open(to_agent::Body::Exec(Exec {
        stdin: true,
        ..exec(&["true"])
    }));
    assert_eq!(host.finish(id).code(), Some(0));
    host.data(id, Stream::Stdin, b"late");
    host.eof(id, Stream::Stdin);
    assert_eq!(host.shell("echo on").out(), "on\n");
}

#[test]
fn streams_do_not_stop_each_other() {
    let mut host = Host::new();
    // Nobody grants this one anything.
    let stuck = host.open(to_agent::Body::Exec(exec(&["cat", "/dev/zero"])));
    host.started(stuck);
    let mut received = 0;
    while received < INITIAL_GRANT {
        received += data(host.receive_for(stuck));
    }
    assert_eq!(host.shell("echo free").out(), "free\n");
    let both = host.shell("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2");
    assert_eq!((both.stdout.len(), both.stderr.len()), (300_000, 300_000));
}

/// Sends `bytes` to a program and takes what it echoes, both at once.
fn echo(host: &mut Host, id: u32, bytes: &[u8]) -> Vec<u8> {
    let mut echoed = Vec::with_capacity(bytes.len());
    let (mut sent, mut granted) = (0, INITIAL_GRANT);
    loop {
        while granted > 0 && sent < bytes.len() {
            let part = granted.min(65_536).min(bytes.len() - sent);
            host.data(id, Stream::Stdin, &bytes[sent..sent + part]);
            sent += part;
            granted -= part;
            if sent == bytes.len() {
                host.eof(id, Stream::Stdin);
            }
        }
        match host.receive_for(id) {
            Body::Credit(credit) => granted += credit.bytes as usize,
            Body::Data(data) => {
                let credit = Credit {
                    stream: data.stream,
                    bytes: data.bytes.len().try_into().unwrap(),
                };
                host.send(id, to_agent::Body::Credit(credit));
                echoed.extend(data.bytes);
            }
            Body::Exited(exited) => {
                assert_eq!(exited.code, Some(0));
                return echoed;
            }
            Body::Started(_) | Body::Eof(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn data(body: Body) -> usize {
    match body {
        Body::Data(data) => data.bytes.len(),
        other => panic!("not Data: {other:?}"),
    }
}

/// An answer to a later request overtakes nothing: what was ready would come first.
fn assert_nothing_comes(host: &mut Host) {
    assert!(matches!(
        host.ask(to_agent::Body::Ping(Default::default())),
        Body::Done(_)
    ));
    assert_eq!(host.shell("true").code(), Some(0));
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn peak_memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = within_deadline("VmHWM", || {
        status.lines().find(|line| line.starts_with("VmHWM"))
    });
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<usize>()
        .unwrap()
        * 1024
}
