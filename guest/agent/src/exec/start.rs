//! From an Exec to a program that runs.

use alloc::format;
use alloc::string::String;

use rustix::fd::BorrowedFd;
use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::Pid;

use super::cgroup::{Cgroup, Cgroups};
use super::child::Step;
use super::command::Command;
use super::input::Input;
use super::output::Output;
use super::running::Running;
use super::search;
use super::spawn::{ChildStdio, SpawnError, spawn};
use super::stdio::Stdio;
use crate::clock;
use crate::failure::Failure;
use crate::protocol::{Exec, Stream};

const NANOS_PER_MILLISECOND: u64 = 1_000_000;

/// Starts the program; `null` is the standard input of those that have none.
pub fn start(exec: &Exec, null: BorrowedFd<'_>, cgroups: &mut Cgroups) -> Result<Running, Failure> {
    let command = Command::new(exec)?;
    let owner = command.identity.as_ref().map(|identity| identity.uid);
    let stdio = Stdio::open(exec, owner)?;
    let mut cgroup = cgroups.take();
    let spawned = spawn_in(&command, stdio.child(null), &mut cgroup);
    let started = clock::monotonic();
    let pid = match spawned {
        Ok(pid) => pid,
        Err(error) => {
            if let Some(cgroup) = cgroup {
                cgroups.give_back(cgroup);
            }
            return Err(explain(error, exec));
        }
    };
    let Stdio {
        input,
        output,
        error,
        ..
    } = stdio;
    let terminal = exec.tty.is_some();
    Ok(Running {
        pid,
        takes_input: exec.stdin,
        input: input.map(|fd| Input::new(fd, terminal)),
        outputs: [
            Some(Output::new(output, Stream::Stdout, terminal)),
            error.map(|fd| Output::new(fd, Stream::Stderr, false)),
        ],
        deadline: deadline(exec.timeout_ms, started),
        cgroup,
        started,
        terminal,
        timed_out: false,
        ended: None,
    })
}

/// A control group may have been removed by a program of the guest: without it then.
fn spawn_in(
    command: &Command,
    stdio: ChildStdio<'_>,
    cgroup: &mut Option<Cgroup>,
) -> Result<Pid, SpawnError> {
    match spawn(command, stdio, cgroup.as_ref().map(Cgroup::folder)) {
        Err(SpawnError::Fork(Errno::NODEV | Errno::BUSY | Errno::OPNOTSUPP | Errno::BADF))
            if cgroup.is_some() =>
        {
            *cgroup = None;
            spawn(command, stdio, None)
        }
        result => result,
    }
}

fn deadline(timeout_ms: u64, started: u64) -> Option<u64> {
    (timeout_ms > 0)
        .then(|| started.saturating_add(timeout_ms.saturating_mul(NANOS_PER_MILLISECOND)))
}

fn explain(error: SpawnError, exec: &Exec) -> Failure {
    let (step, errno) = match error {
        SpawnError::Fork(errno) => {
            return Failure::system("fork", errno, String::from("cannot start a process"));
        }
        SpawnError::Child(step, errno) => (step, errno),
    };
    let program = exec.argv.first().map_or("", String::as_str);
    match step {
        Step::Session => Failure::system("setsid", errno, String::from("cannot start a session")),
        Step::Stdio => Failure::system(
            "stdio",
            errno,
            String::from("cannot set up the standard streams"),
        ),
        Step::Terminal => {
            Failure::system("tty", errno, String::from("cannot take the terminal over"))
        }
        Step::Cwd => Failure::system(
            "cwd",
            errno,
            format!("cannot enter the directory {:?}", exec.cwd),
        ),
        Step::User => Failure::system("user", errno, format!("cannot become user {:?}", exec.user)),
        Step::Execve => Failure::system("execve", errno, refusal(errno, program, exec)),
    }
}

fn refusal(errno: Errno, program: &str, exec: &Exec) -> String {
    match errno {
        Errno::NOENT if !program.contains('/') => format!("there is no {program:?} in PATH"),
        Errno::NOENT if present(program, exec) => {
            format!("{program:?} is there, but the interpreter that it names is not")
        }
        Errno::NOENT => format!("there is no {program:?}"),
        Errno::NOEXEC => format!("{program:?} is not a program that this kernel can run"),
        _ => format!("cannot run {program:?}"),
    }
}

fn present(program: &str, exec: &Exec) -> bool {
    let path = if program.starts_with('/') {
        program.into()
    } else {
        format!("{}/{program}", exec.cwd)
    };
    search::candidates(&path, &exec.env)
        .iter()
        .any(|file| access(file.as_str(), Access::EXISTS).is_ok())
}
