//! Files, written and read.
#![allow(missing_docs, clippy::unwrap_used)]

mod harness;

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use actovisor_agent::protocol::{
    Cancel, Credit, INITIAL_GRANT, ReadFile, Stream, WriteFile, failed::Code, from_agent::Body,
    to_agent,
};
use harness::{Host, Refusal, exec, failure};

const ENOENT: u32 = 2;
const EEXIST: u32 = 17;
const EISDIR: u32 = 21;

#[test]
fn a_file_comes_back_as_it_was_written() {
    let mut host = Host::new();
    let path = host.path("file");
    let bytes: Vec<u8> = (0..10_000_000_u32)
        .map(|index| (index % 251) as u8)
        .collect();
    assert_eq!(
        write(
            &mut host,
            WriteFile {
                path: path.clone(),
                ..Default::default()
            },
            &bytes
        ),
        Ok(10_000_000)
    );
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o644);
    assert!(
        read(
            &mut host,
            ReadFile {
                path: path.clone(),
                ..Default::default()
            }
        ) == Ok(bytes.clone())
    );
    let part = ReadFile {
        path,
        offset: 5_000_000,
        length: 300_000,
    };
    assert!(read(&mut host, part) == Ok(bytes[5_000_000..5_300_000].into()));
    assert_eq!(
        fs::read_dir(&host.folder).unwrap().count(),
        2,
        "a temporary file is left"
    );
}

#[test]
fn a_part_beyond_the_end_is_empty() {
    let mut host = Host::new();
    let path = host.path("file");
    fs::write(&path, "12345").unwrap();
    assert_eq!(
        read(
            &mut host,
            ReadFile {
                path: path.clone(),
                offset: 3,
                length: 100
            }
        ),
        Ok(b"45".into())
    );
    assert_eq!(
        read(
            &mut host,
            ReadFile {
                path,
                offset: 100,
                length: 0
            }
        ),
        Ok(vec![])
    );
}

#[test]
fn mode_owner_and_parents_are_those_asked_for() {
    let mut host = Host::new();
    let path = host.path("a/b/c/file");
    let request = WriteFile {
        path: path.clone(),
        mode: 0o4750,
        uid: 12,
        gid: 34,
        parents: true,
    };
    assert_eq!(write(&mut host, request, b"x"), Ok(1));
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(
        (metadata.mode() & 0o7777, metadata.uid(), metadata.gid()),
        (0o4750, 12, 34)
    );
    assert_eq!(
        fs::metadata(host.path("a/b")).unwrap().mode() & 0o7777,
        0o755
    );
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let mut host = Host::new();
    let path = host.path("file");
    fs::write(&path, "old").unwrap();
    let request = WriteFile {
        path: path.clone(),
        ..Default::default()
    };
    let id = host.open(to_agent::Body::WriteFile(request.clone()));
    host.data(id, Stream::File, b"new and longer");
    assert!(matches!(
        host.ask(to_agent::Body::Ping(Default::default())),
        Body::Done(_)
    ));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    host.send(id, to_agent::Body::Cancel(Cancel {}));
    assert_eq!(
        failure(host.receive_for(id)),
        (Code::Cancelled.into(), 0, "write".into())
    );
    let id = host.open(to_agent::Body::WriteFile(request));
    host.data(id, Stream::File, b"given up with the connection");
    host.reconnect();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(
        fs::read_dir(&host.folder).unwrap().count(),
        2,
        "a temporary file is left"
    );
}

#[test]
fn what_cannot_be_written_is_told_at_once() {
    let mut host = Host::new();
    let mut refused = |path: &str, parents| {
        let path = path.into();
        let id = host.open(to_agent::Body::WriteFile(WriteFile {
            path,
            parents,
            ..Default::default()
        }));
        failure(host.receive_for(id))
    };
    assert_eq!(
        refused("/no/such/file", false),
        (Code::NotFound.into(), ENOENT, "open".into())
    );
    assert_eq!(
        refused("/tmp", false),
        (Code::System.into(), EISDIR, "open".into())
    );
    assert_eq!(
        refused("/dev/null", false),
        (Code::Invalid.into(), 0, "open".into())
    );
    assert_eq!(
        refused("relative", false),
        (Code::Invalid.into(), 0, "path".into())
    );
    assert_eq!(
        refused("/", false),
        (Code::Invalid.into(), 0, "path".into())
    );
    assert_eq!(
        refused("/a\0b", false),
        (Code::Invalid.into(), 0, "path".into())
    );
    assert_eq!(refused("/proc/no/such", true).2, "mkdir");
    assert_ne!(refused("/etc/passwd/x", true).1, EEXIST);
}

#[test]
fn only_regular_files_are_read_and_nothing_is_waited_for() {
    let mut host = Host::new();
    let (fifo, folder) = (host.path("fifo"), host.path(""));
    assert_eq!(host.run(exec(&["mkfifo", &fifo])).code(), Some(0));
    let mut refused = |path: &str| {
        let id = host.open(to_agent::Body::ReadFile(ReadFile {
            path: path.into(),
            ..Default::default()
        }));
        failure(host.receive_for(id))
    };
    let invalid = (i32::from(Code::Invalid), 0, String::from("open"));
    assert_eq!(
        [&fifo, &folder, "/dev/zero"].map(&mut refused),
        [invalid.clone(), invalid.clone(), invalid]
    );
    assert_eq!(
        refused("/no/such"),
        (Code::NotFound.into(), ENOENT, "open".into())
    );
}

#[test]
fn files_of_the_kernel_without_a_size_are_read_to_their_end() {
    let mut host = Host::new();
    let path = String::from("/proc/version");
    let read = read(
        &mut host,
        ReadFile {
            path: path.clone(),
            ..Default::default()
        },
    );
    assert_eq!(read, Ok(fs::read(path).unwrap()));
}

#[test]
fn a_file_that_is_read_stops_at_what_was_granted() {
    let mut host = Host::new();
    let path = host.path("file");
    fs::write(&path, vec![1; 1_000_000]).unwrap();
    let id = host.open(to_agent::Body::ReadFile(ReadFile {
        path,
        ..Default::default()
    }));
    let mut received = 0;
    while received < INITIAL_GRANT {
        match host.receive_for(id) {
            Body::Data(data) => received += data.bytes.len(),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(received, INITIAL_GRANT);
    assert!(matches!(
        host.ask(to_agent::Body::Ping(Default::default())),
        Body::Done(_)
    ));
    host.send(id, to_agent::Body::Cancel(Cancel {}));
    assert_eq!(
        failure(host.receive_for(id)),
        (Code::Cancelled.into(), 0, "read".into())
    );
}

fn write(host: &mut Host, request: WriteFile, bytes: &[u8]) -> Result<u64, Refusal> {
    let id = host.open(to_agent::Body::WriteFile(request));
    host.feed(id, Stream::File, bytes);
    loop {
        match host.receive_for(id) {
            Body::Credit(_) => {}
            Body::Done(done) => return Ok(done.bytes),
            other => return Err(failure(other)),
        }
    }
}

fn read(host: &mut Host, request: ReadFile) -> Result<Vec<u8>, Refusal> {
    let id = host.open(to_agent::Body::ReadFile(request));
    let (mut bytes, mut ended) = (Vec::new(), false);
    loop {
        match host.receive_for(id) {
            Body::Data(data) => {
                let credit = Credit {
                    stream: data.stream,
                    bytes: data.bytes.len().try_into().unwrap(),
                };
                bytes.extend(data.bytes);
                host.send(id, to_agent::Body::Credit(credit));
            }
            Body::Eof(_) => ended = true,
            Body::Done(done) => {
                assert_eq!((done.bytes, ended), (bytes.len() as u64, true));
                return Ok(bytes);
            }
            other => return Err(failure(other)),
        }
    }
}
