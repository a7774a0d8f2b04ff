//! How programs end, and what they leave behind.
#![allow(missing_docs, clippy::unwrap_used)]

mod harness;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use actovisor_agent::protocol::{Cancel, Exec, Ping, Poweroff, Signal, from_agent::Body, to_agent};
use harness::{Host, exec, is_alive, shell, within_deadline};

const SIGKILL: u32 = 9;
const SIGUSR1: u32 = 10;

#[test]
fn a_timeout_kills_the_process_group_and_says_so() {
    let mut host = Host::new();
    let before = Instant::now();
    let script = "sleep 1000 & echo $!; wait";
    let ran = host.run(Exec {
        timeout_ms: 300,
        ..shell(script)
    });
    let exited = ran.exited.unwrap();
    assert_eq!((ran.signal(), exited.timed_out), (Some(SIGKILL), true));
    assert!(before.elapsed() >= Duration::from_millis(300));
    assert!(exited.wall_ns >= 300_000_000 && exited.wall_ns < 10_000_000_000);
    let child: u32 = ran.out().trim().parse().unwrap();
    within_deadline("end of the child", || (!is_alive(child)).then_some(()));
}

#[test]
fn a_timeout_that_does_not_pass_says_nothing() {
    let mut host = Host::new();
    let ran = host.run(Exec {
        timeout_ms: 60_000,
        ..shell("exit 4")
    });
    assert_eq!(
        (ran.code(), ran.exited.unwrap().timed_out),
        (Some(4), false)
    );
}

#[test]
fn a_signal_goes_to_the_process_group() {
    let mut host = Host::new();
    let script = "trap 'echo caught; exit 5' USR1; echo ready; while :; do sleep 0.01; done";
    let id = host.open(to_agent::Body::Exec(shell(script)));
    host.started(id);
    assert!(matches!(host.receive_for(id), Body::Data(data) if data.bytes == b"ready\n"));
    host.send(id, to_agent::Body::Signal(Signal { number: SIGUSR1 }));
    // Numbers that are no signals do nothing.
    host.send(id, to_agent::Body::Signal(Signal { number: 0 }));
    host.send(id, to_agent::Body::Signal(Signal { number: 4096 }));
    let ran = host.finish(id);
    assert_eq!((ran.code(), ran.out()), (Some(5), "caught\n"));
}

#[test]
fn a_cancelled_program_is_killed_and_its_streams_are_dropped() {
    let mut host = Host::new();
    let id = host.open(to_agent::Body::Exec(Exec {
        stdin: true,
        ..exec(&["cat", "/dev/zero"])
    }));
    host.started(id);
    host.send(id, to_agent::Body::Cancel(Cancel {}));
    let ran = host.finish(id);
    assert_eq!(
        (ran.signal(), ran.exited.unwrap().timed_out),
        (Some(SIGKILL), false)
    );
    assert_eq!(host.shell("echo on").out(), "on\n");
}

#[test]
fn a_background_process_does_not_hold_the_answer_up() {
    let mut host = Host::new();
    let ran = host.shell("echo first; { sleep 1000; } & echo $!");
    let (first, pid) = ran.out().split_once('\n').unwrap();
    assert_eq!((ran.code(), first), (Some(0), "first"));
    assert!(is_alive(pid.trim().parse().unwrap()));
}

#[test]
fn a_background_process_that_floods_its_output_does_not_either() {
    let mut host = Host::new();
    let ran = host.shell("cat /dev/zero & echo $! >&2");
    assert_eq!(ran.code(), Some(0));
    let pid: u32 = std::str::from_utf8(&ran.stderr)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    // What it goes on to write is read and dropped: it neither dies nor stops.
    let written = || {
        let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
        let line = io
            .lines()
            .find(|line| line.starts_with("wchar"))
            .unwrap()
            .to_owned();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let before = written();
    within_deadline("more output", || {
        (written() > before + 1_000_000).then_some(())
    });
    assert!(is_alive(pid));
}

#[test]
fn orphans_are_reaped() {
    let mut host = Host::new();
    let ran = host.shell("for i in 1 2 3 4 5 6 7 8; do (sleep 0.05 & ) ; done; echo done");
    assert_eq!(ran.out(), "done\n");
    let children = format!("/proc/{0}/task/{0}/children", host.agent_pid());
    let none = || {
        std::fs::read_to_string(&children)
            .unwrap()
            .trim()
            .is_empty()
            .then_some(())
    };
    within_deadline("end of the orphans", none);
}

#[test]
fn nothing_is_left_of_many_programs() {
    let mut host = Host::new();
    assert_eq!(host.shell("true").code(), Some(0));
    let before = descriptors(&mut host);
    for _ in 0..200 {
        let failing = host.open(to_agent::Body::Exec(exec(&["no-such-program"])));
        let running = host.open(to_agent::Body::Exec(Exec {
            stdin: true,
            ..exec(&["true"])
        }));
        host.finish_all(&[failing, running]);
    }
    assert_eq!(descriptors(&mut host), before);
    let children = format!("/proc/{0}/task/{0}/children", host.agent_pid());
    assert_eq!(std::fs::read_to_string(children).unwrap().trim(), "");
}

#[test]
fn the_end_of_the_connection_kills_programs_and_the_agent_comes_back() {
    let mut host = Host::new();
    let id = host.open(to_agent::Body::Exec(exec(&["sleep", "1000"])));
    let pid = host.started(id);
    host.reconnect();
    assert!(!is_alive(pid));
    assert_eq!(
        (host.hello.protocol, host.shell("echo again").out()),
        (1, "again\n")
    );
}

#[test]
fn what_left_the_process_group_is_reached_through_its_control_group() {
    let folder = cgroup2().join(format!("actovisor-test-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let mut host = Host::with_arguments(&["--cgroup", folder.to_str().unwrap()]);
    let script = "setsid sh -c 'echo $$; exec sleep 1000' & wait";
    let ran = host.run(Exec {
        timeout_ms: 500,
        ..shell(script)
    });
    assert!(ran.exited.as_ref().unwrap().timed_out);
    let escaped: u32 = ran.out().trim().parse().unwrap();
    within_deadline("end of the escaped process", || {
        (!is_alive(escaped)).then_some(())
    });
    for _ in 0..20 {
        assert_eq!(host.shell("true").code(), Some(0));
    }
    let made = std::fs::read_dir(&folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert!(made.count() <= 2, "groups are not used again");
    assert!(matches!(
        host.ask(to_agent::Body::Poweroff(Poweroff {})),
        Body::Done(_)
    ));
    assert!(host.agent_status().success(), "{:?}", host.agent_status());
    drop(host);
    std::fs::remove_dir(&folder).unwrap();
}

#[test]
fn poweroff_is_answered_before_the_end() {
    let mut host = Host::new();
    let id = host.open(to_agent::Body::Exec(exec(&["sleep", "1000"])));
    let pid = host.started(id);
    assert!(matches!(
        host.ask(to_agent::Body::Poweroff(Poweroff {})),
        Body::Done(_)
    ));
    assert!(host.is_closed());
    assert!(host.agent_status().success(), "{:?}", host.agent_status());
    within_deadline("end of the program", || (!is_alive(pid)).then_some(()));
}

/// What the agent has open, after it has done all that it was asked.
fn descriptors(host: &mut Host) -> usize {
    assert!(matches!(
        host.ask(to_agent::Body::Ping(Ping {})),
        Body::Done(_)
    ));
    std::fs::read_dir(format!("/proc/{}/fd", host.agent_pid()))
        .unwrap()
        .count()
}

fn cgroup2() -> PathBuf {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let line = mounts
        .lines()
        .find(|line| line.split(' ').nth(2) == Some("cgroup2"));
    line.expect("no cgroup2 file system is mounted")
        .split(' ')
        .nth(1)
        .unwrap()
        .into()
}
