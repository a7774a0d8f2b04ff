//! Programs: their streams, their ends, and why they do not run.
#![allow(missing_docs, clippy::unwrap_used)]

mod harness;

use std::os::unix::fs::PermissionsExt as _;

use actovisor_agent::protocol::{Exec, failed::Code, from_agent, to_agent};
use harness::{Host, exec, shell};

const ENOENT: u32 = 2;
const ENOEXEC: u32 = 8;
const EACCES: u32 = 13;

#[test]
fn streams_and_status_are_told_apart() {
    let mut host = Host::new();
    let ran = host.shell("echo out; echo err >&2; exit 7");
    assert_eq!(
        (ran.started, ran.code(), ran.signal()),
        (true, Some(7), None)
    );
    assert_eq!((ran.out(), ran.stderr.as_slice()), ("out\n", &b"err\n"[..]));
    assert!(ran.exited.unwrap().wall_ns > 0);
}

#[test]
fn each_stream_ends_before_the_last_message() {
    let mut host = Host::new();
    let id = host.open(to_agent::Body::Exec(shell("echo a")));
    let mut kinds = Vec::new();
    loop {
        match host.receive_for(id) {
            from_agent::Body::Started(_) => kinds.push("started"),
            from_agent::Body::Data(_) => kinds.push("data"),
            from_agent::Body::Eof(_) => kinds.push("eof"),
            from_agent::Body::Exited(_) => break,
            other => panic!("{other:?}"),
        }
    }
    kinds.sort_unstable();
    assert_eq!(kinds, ["data", "eof", "eof", "started"]);
}

#[test]
fn a_signal_that_ends_a_program_is_told() {
    let mut host = Host::new();
    let ran = host.shell("kill -TERM $$");
    assert_eq!((ran.code(), ran.signal()), (None, Some(15)));
}

#[test]
fn without_input_a_program_reads_nothing() {
    let mut host = Host::new();
    let ran = host.run(exec(&["cat"]));
    assert_eq!((ran.code(), ran.out()), (Some(0), ""));
}

#[test]
fn home_is_the_users_unless_it_is_given() {
    let mut host = Host::new();
    let request = |user: &str, env: &[&str]| Exec {
        user: user.into(),
        env: env.iter().map(|entry| (*entry).into()).collect(),
        ..exec(&["/usr/bin/env"])
    };
    assert_eq!(
        host.run(request("nobody", &[])).out(),
        "HOME=/nonexistent\n"
    );
    assert_eq!(host.run(request("4242", &[])).out(), "HOME=/\n");
    assert_eq!(host.run(request("nobody", &["HOME=/h"])).out(), "HOME=/h\n");
}

#[test]
fn environment_and_directory_are_those_asked_for() {
    let mut host = Host::new();
    let cwd = host.path("");
    let env = vec!["A=1".into(), "B=x y".into()];
    let ran = host.run(Exec {
        env,
        cwd: cwd.clone(),
        ..exec(&["/usr/bin/env"])
    });
    assert_eq!(ran.out(), "A=1\nB=x y\nHOME=/root\n");
    let ran = host.run(Exec {
        cwd: cwd.clone(),
        ..exec(&["/bin/pwd"])
    });
    assert_eq!(ran.out().trim_end(), cwd.trim_end_matches('/'));
}

#[test]
fn signals_limits_and_descriptors_are_those_of_a_fresh_program() {
    let mut host = Host::new();
    let ran = host.shell("grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd | wc -l");
    let zero = "0000000000000000";
    // ls has its own descriptor of the folder besides the three.
    assert_eq!(ran.out(), format!("SigBlk:\t{zero}\nSigIgn:\t{zero}\n4\n"));
}

#[test]
fn a_program_leads_its_own_session() {
    let mut host = Host::new();
    let ran = host.shell("cut -d' ' -f1,5,6 /proc/$$/stat");
    let ids: Vec<&str> = ran.out().split_whitespace().collect();
    assert_eq!((ids[0], ids[0]), (ids[1], ids[2]));
}

#[test]
fn what_cannot_run_is_told_with_step_and_errno() {
    let mut host = Host::new();
    let (file, folder) = (host.path("file"), host.path(""));
    std::fs::write(&file, "neither ELF nor script").unwrap();
    let mut failure = |exec: Exec| {
        let ran = host.run(exec);
        assert!(!ran.started);
        let (code, errno, step) = ran.failure();
        (code, errno, String::from(step))
    };
    let not_found = (Code::NotFound.into(), ENOENT, "execve".into());
    let permission = (Code::Permission.into(), EACCES, String::from("execve"));
    assert_eq!(failure(exec(&["no-such-program"])), not_found);
    assert_eq!(failure(exec(&["/no/such/program"])), not_found);
    assert_eq!(failure(exec(&[&file])), permission);
    assert_eq!(failure(exec(&[&folder])), permission);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(
        failure(exec(&[&file])),
        (Code::BadFormat.into(), ENOEXEC, "execve".into())
    );
    let cwd = Exec {
        cwd: "/no/such".into(),
        ..exec(&["true"])
    };
    assert_eq!(failure(cwd), (Code::NotFound.into(), ENOENT, "cwd".into()));
    let invalid = |step: &str| (i32::from(Code::Invalid), 0, String::from(step));
    assert_eq!(failure(exec(&[])), invalid("argv"));
    assert_eq!(failure(exec(&["a\0b"])), invalid("argv"));
    assert_eq!(
        failure(Exec {
            cwd: "relative".into(),
            ..exec(&["true"])
        }),
        invalid("cwd")
    );
    assert_eq!(
        failure(Exec {
            env: vec!["=x".into()],
            ..exec(&["true"])
        }),
        invalid("env")
    );
}

#[test]
fn a_missing_interpreter_is_named_as_such() {
    let mut host = Host::new();
    let file = host.path("script");
    std::fs::write(&file, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let failed = host.run(exec(&[&file])).failed.unwrap();
    assert_eq!((failed.code, failed.errno), (Code::NotFound.into(), ENOENT));
    assert!(failed.message.contains("interpreter"), "{}", failed.message);
}

#[test]
fn scripts_run_and_the_search_goes_on_after_what_may_not_be_run() {
    let mut host = Host::new();
    let [first, second] = ["first", "second"].map(|name| host.path(name));
    for (folder, mode) in [(&first, 0o644), (&second, 0o755)] {
        std::fs::create_dir(folder).unwrap();
        let file = format!("{folder}/greet");
        std::fs::write(&file, "#!/bin/sh\necho \"hello $1 from $0\"\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let both = vec![format!("PATH=/nowhere:{first}:{second}")];
    let ran = host.run(Exec {
        env: both,
        ..exec(&["greet", "you"])
    });
    assert_eq!(ran.out(), format!("hello you from {second}/greet\n"));
    let one = vec![format!("PATH={first}:/nowhere")];
    let ran = host.run(Exec {
        env: one,
        ..exec(&["greet"])
    });
    assert_eq!(ran.failure(), (Code::Permission.into(), EACCES, "execve"));
}

#[test]
fn without_path_the_usual_folders_are_searched() {
    let mut host = Host::new();
    let ran = host.run(Exec {
        env: vec![],
        ..exec(&["true"])
    });
    assert_eq!(ran.code(), Some(0));
}

#[test]
fn a_user_is_looked_up_and_taken_on() {
    let mut host = Host::new();
    let command = "id -u; id -g; id -G; id -u -r";
    let nobody = host.run(Exec {
        user: "nobody".into(),
        ..shell(command)
    });
    assert_eq!(nobody.out(), "65534\n65534\n65534\n65534\n");
    let numbers = host.run(Exec {
        user: "4242:4343".into(),
        ..shell(command)
    });
    assert_eq!(numbers.out(), "4242\n4343\n4343\n4242\n");
    let unknown = host.run(Exec {
        user: "no-such-user".into(),
        ..shell(command)
    });
    assert_eq!(unknown.failure(), (Code::NotFound.into(), 0, "user"));
}

#[test]
fn a_program_of_another_user_may_not_do_what_root_may() {
    let mut host = Host::new();
    let file = host.path("mine");
    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let ran = host.run(Exec {
        user: "nobody".into(),
        ..exec(&["cat", &file])
    });
    assert_eq!(ran.code(), Some(1));
}

#[test]
fn programs_run_at_the_same_time() {
    let mut host = Host::new();
    let fifo = host.path("fifo");
    assert_eq!(host.run(exec(&["mkfifo", &fifo])).code(), Some(0));
    // Each waits for the other.
    let reader = host.open(to_agent::Body::Exec(exec(&["cat", &fifo])));
    let writer = host.open(to_agent::Body::Exec(shell(&format!(
        "echo through > {fifo}"
    ))));
    let all = host.finish_all(&[reader, writer]);
    assert_eq!(
        (all[&reader].out(), all[&writer].code()),
        ("through\n", Some(0))
    );
}
