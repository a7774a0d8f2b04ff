//! Entries of directories, told about, listed and removed.
#![allow(missing_docs, clippy::unwrap_used)]

mod harness;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use actovisor_agent::protocol::{
    FileInfo, FileType, List, Remove, Stat, failed::Code, from_agent::Body, to_agent,
};
use harness::{Host, Refusal, exec, failure};

const ENOENT: u32 = 2;
const ENOTEMPTY: u32 = 39;

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

fn stat(host: &mut Host, path: &str, follow: bool) -> Result<FileInfo, Refusal> {
    match host.ask(to_agent::Body::Stat(Stat {
        path: path.into(),
        follow,
    })) {
        Body::Info(info) => Ok(info),
        other => Err(failure(other)),
    }
}
