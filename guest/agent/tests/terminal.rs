//! Programs on a terminal.
#![allow(missing_docs, clippy::unwrap_used)]

mod harness;

use actovisor_agent::protocol::{Exec, Resize, Stream, WindowSize, from_agent::Body, to_agent};
use harness::{Host, exec, shell};

const SIGHUP: u32 = 1;

#[test]
fn a_program_has_a_terminal_of_the_size_asked_for() {
    let mut host = Host::new();
    let ran = host.run(on_terminal(shell(
        "test -t 0 && test -t 1 && test -t 2 && stty size; tty",
    )));
    let (size, name) = ran.out().split_once("\r\n").unwrap();
    assert_eq!((ran.code(), size), (Some(0), "24 80"));
    assert!(name.starts_with("/dev/pts/"), "{name}");
}

#[test]
fn the_terminal_controls_the_session() {
    let mut host = Host::new();
    let ran = host.run(on_terminal(shell("echo through > /dev/tty; echo err >&2")));
    assert_eq!((ran.out(), ran.stderr.len()), ("through\r\nerr\r\n", 0));
}

#[test]
fn a_new_size_is_signalled() {
    let mut host = Host::new();
    let script = "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.01; done";
    let id = host.open(to_agent::Body::Exec(on_terminal(shell(script))));
    host.started(id);
    assert!(matches!(host.receive_for(id), Body::Data(data) if data.bytes == b"ready\r\n"));
    let size = Some(WindowSize {
        rows: 50,
        columns: 132,
    });
    host.send(id, to_agent::Body::Resize(Resize { size }));
    let ran = host.finish(id);
    assert_eq!((ran.code(), ran.out()), (Some(0), "50 132\r\n"));
}

#[test]
fn a_resize_without_a_terminal_does_nothing() {
    let mut host = Host::new();
    let id = host.open(to_agent::Body::Exec(Exec {
        stdin: true,
        ..exec(&["cat"])
    }));
    host.send(id, to_agent::Body::Resize(Resize { size: None }));
    host.eof(id, Stream::Stdin);
    assert_eq!(host.finish(id).code(), Some(0));
}

#[test]
fn what_is_typed_is_echoed_and_read_line_by_line() {
    let mut host = Host::new();
    let script = "read line; echo \"got $line\"";
    let id = host.open(to_agent::Body::Exec(typing(shell(script))));
    host.data(id, Stream::Stdin, b"some words\n");
    assert_eq!(host.finish(id).out(), "some words\r\ngot some words\r\n");
}

#[test]
fn the_end_of_input_is_typed_as_end_of_file() {
    let mut host = Host::new();
    for input in [&b""[..], b"whole\n", b"half"] {
        let id = host.open(to_agent::Body::Exec(typing(exec(&["wc", "-c"]))));
        host.data(id, Stream::Stdin, input);
        host.eof(id, Stream::Stdin);
        let ran = host.finish(id);
        assert_eq!(ran.code(), Some(0), "{ran:?}");
        let count = ran
            .out()
            .split_whitespace()
            .last()
            .unwrap()
            .trim_start_matches("half");
        assert_eq!(count, input.len().to_string(), "{:?}", ran.out());
    }
}

#[test]
fn control_c_interrupts_the_foreground() {
    let mut host = Host::new();
    let id = host.open(to_agent::Body::Exec(typing(exec(&["sleep", "1000"]))));
    host.started(id);
    host.data(id, Stream::Stdin, b"\x03");
    assert_eq!(host.finish(id).signal(), Some(2));
}

#[test]
fn output_before_the_end_is_not_lost() {
    let mut host = Host::new();
    for _ in 0..20 {
        let ran = host.run(on_terminal(exec(&["seq", "1000"])));
        assert!(ran.out().ends_with("999\r\n1000\r\n"));
        assert_eq!(ran.out().lines().count(), 1000);
    }
}

#[test]
fn a_program_may_close_its_terminal_and_open_it_again() {
    let mut host = Host::new();
    let script = "exec 3>/dev/null <&- >&- 2>&-; sleep 0.2; echo back > /dev/tty";
    let ran = host.run(on_terminal(shell(script)));
    assert_eq!((ran.code(), ran.out()), (Some(0), "back\r\n"));
}

#[test]
fn the_terminal_belongs_to_the_user() {
    let mut host = Host::new();
    let user = String::from("nobody");
    let request = Exec {
        user,
        ..shell("stat -c %U $(tty); echo written > $(tty)")
    };
    let ran = host.run(on_terminal(request));
    assert_eq!((ran.code(), ran.out()), (Some(0), "nobody\r\nwritten\r\n"));
}

#[test]
fn the_end_of_the_session_hangs_up_its_background() {
    let mut host = Host::new();
    let script = "trap '' HUP; sh -c 'trap \"echo hup; exit\" HUP; i=0; while [ $i -lt 500 ]; do i=$((i+1)); sleep 0.01; done' & exit 6";
    assert_eq!(host.run(on_terminal(shell(script))).code(), Some(6));
    let ran = host.run(on_terminal(shell(&format!("kill -{SIGHUP} $$"))));
    assert_eq!(ran.signal(), Some(SIGHUP));
}

fn on_terminal(exec: Exec) -> Exec {
    Exec {
        tty: Some(WindowSize {
            rows: 24,
            columns: 80,
        }),
        ..exec
    }
}

fn typing(exec: Exec) -> Exec {
    Exec {
        stdin: true,
        ..on_terminal(exec)
    }
}
