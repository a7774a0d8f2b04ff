//! Files, written, read, told about, listed and removed.
#![allow(missing_docs, clippy::unwrap_used)]

mod harness;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use actovisor_agent::protocol::{
    Cancel, Credit, FileInfo, FileType, INITIAL_GRANT, List, ReadFile, Remove, Stat, Stream,
    WriteFile, failed::Code, from_agent::Body, to_agent,
};
use harness::{Host, exec};

const ENOENT: u32 = 2;
const EEXIST: u32 = 17;
const EISDIR: u32 = 21;
const ENOTEMPTY: u32 = 39;

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

#[test]
fn files_are_told_about() {
    let mut host = Host::new();
    let (file, link) = (host.path("file"), host.path("link"));
    fs::write(&file, "12345").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("file", &link).unwrap();
    let metadata = fs::metadata(&file).unwrap();
    let info = stat(&mut host, &file, false);
    let expected = FileInfo {
        name: "file".into(),
        r#type: FileType::Regular.into(),
        mode: 0o640,
        uid: 0,
        gid: 0,
        size: 5,
        modified_ns: metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
        inode: metadata.ino(),
        links: 1,
        target: String::new(),
    };
    assert_eq!(info, Ok(expected.clone()));
    let info = stat(&mut host, &link, false).unwrap();
    assert_eq!(
        (info.r#type(), info.target.as_str()),
        (FileType::Symlink, "file")
    );
    assert_eq!(
        stat(&mut host, &link, true),
        Ok(FileInfo {
            name: "link".into(),
            ..expected
        })
    );
    assert_eq!(
        stat(&mut host, "/dev/null", false).unwrap().r#type(),
        FileType::Character
    );
    assert_eq!(
        stat(&mut host, "/no/such", false),
        Err((Code::NotFound.into(), ENOENT, "stat".into()))
    );
}

#[test]
fn a_directory_is_listed_in_parts() {
    let mut host = Host::new();
    let folder = host.path("many");
    fs::create_dir(&folder).unwrap();
    for index in 0..3000 {
        fs::write(format!("{folder}/{index:04}"), "").unwrap();
    }
    let target = "t".repeat(4000);
    for index in 0..100 {
        symlink(&target, format!("{folder}/link{index}")).unwrap();
    }
    let mut entries = list(&mut host, &folder).unwrap();
    entries.sort_by(|left, right| left.name.cmp(&right.name));
    assert_eq!(entries.len(), 3100);
    assert_eq!(
        (entries[42].name.as_str(), entries[42].r#type()),
        ("0042", FileType::Regular)
    );
    assert_eq!(entries[3000].target, target);
    assert_eq!(
        list(&mut host, "/no/such"),
        Err((Code::NotFound.into(), ENOENT, "open".into()))
    );
    fs::create_dir(host.path("empty")).unwrap();
    let empty = host.path("empty");
    assert_eq!(list(&mut host, &empty), Ok(vec![]));
}

#[test]
fn a_tree_is_removed_and_links_are_not_followed() {
    let mut host = Host::new();
    let (outside, tree) = (host.path("outside"), host.path("tree"));
    fs::create_dir_all(format!("{outside}/kept")).unwrap();
    fs::write(format!("{outside}/kept/file"), "").unwrap();
    fs::create_dir_all(format!("{tree}/a/b/c")).unwrap();
    for index in 0..500 {
        fs::write(format!("{tree}/a/b/{index}"), "").unwrap();
    }
    symlink(&outside, format!("{tree}/a/link")).unwrap();
    symlink(&outside, host.path("link")).unwrap();
    let nonempty = remove(&mut host, &tree, false);
    assert_eq!(
        nonempty,
        Err((Code::System.into(), ENOTEMPTY, "remove".into()))
    );
    assert_eq!(remove(&mut host, &tree, true), Ok(()));
    let link = host.path("link/");
    assert_eq!(remove(&mut host, &link, true), Ok(()));
    assert!(!fs::exists(&tree).unwrap() && fs::exists(format!("{outside}/kept/file")).unwrap());
    assert_eq!(
        remove(&mut host, &tree, true),
        Err((Code::NotFound.into(), ENOENT, "remove".into()))
    );
    assert_eq!(
        remove(&mut host, "/", true),
        Err((Code::Invalid.into(), 0, "path".into()))
    );
    assert_eq!(
        remove(&mut host, "/tmp/..", true),
        Err((Code::Invalid.into(), 0, "path".into()))
    );
}

#[test]
fn a_tree_that_is_too_deep_is_refused() {
    let mut host = Host::new();
    let tree = host.path("tree");
    let made = host.shell(&format!(
        "mkdir {tree} && cd {tree} && i=0 && while [ $i -lt 1100 ]; do mkdir d && cd -P d && i=$((i+1)); done"
    ));
    assert_eq!(made.code(), Some(0), "{made:?}");
    assert_eq!(
        remove(&mut host, &tree, true),
        Err((Code::Limit.into(), 0, "remove".into()))
    );
    assert_eq!(host.run(exec(&["rm", "-rf", &tree])).code(), Some(0));
}

type Refusal = (i32, u32, String);

fn failure(body: Body) -> Refusal {
    match body {
        Body::Failed(failed) => (failed.code, failed.errno, failed.step),
        other => panic!("not Failed: {other:?}"),
    }
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

fn stat(host: &mut Host, path: &str, follow: bool) -> Result<FileInfo, Refusal> {
    match host.ask(to_agent::Body::Stat(Stat {
        path: path.into(),
        follow,
    })) {
        Body::Info(info) => Ok(info),
        other => Err(failure(other)),
    }
}

fn list(host: &mut Host, path: &str) -> Result<Vec<FileInfo>, Refusal> {
    let id = host.open(to_agent::Body::List(List { path: path.into() }));
    let mut all = Vec::new();
    loop {
        match host.receive_for(id) {
            Body::Entries(part) => {
                assert!(!part.entries.is_empty() && part.entries.len() <= 256);
                all.extend(part.entries);
            }
            Body::Done(_) => return Ok(all),
            other => return Err(failure(other)),
        }
    }
}

fn remove(host: &mut Host, path: &str, recursive: bool) -> Result<(), Refusal> {
    match host.ask(to_agent::Body::Remove(Remove {
        path: path.into(),
        recursive,
    })) {
        Body::Done(_) => Ok(()),
        other => Err(failure(other)),
    }
}
