//! Programs to run, and what came of them.

use actovisor_agent::protocol::{Exec, Exited, Failed};

pub const PATH: &str = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

/// What a program did, from Exec to its last message.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Ran {
    pub started: bool,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exited: Option<Exited>,
    pub failed: Option<Failed>,
}

impl Ran {
    pub fn code(&self) -> Option<u32> {
        self.exited.as_ref().and_then(|exited| exited.code)
    }

    pub fn signal(&self) -> Option<u32> {
        self.exited.as_ref().and_then(|exited| exited.signal)
    }

    pub fn out(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Code, errno and step of a failure.
    pub fn failure(&self) -> (i32, u32, &str) {
        let failed = self.failed.as_ref().expect("it did not fail");
        (failed.code, failed.errno, &failed.step)
    }
}

/// A request for a program with PATH as its environment.
pub fn exec(argv: &[&str]) -> Exec {
    let argv = argv
        .iter()
        .map(|argument| String::from(*argument))
        .collect();
    Exec {
        argv,
        env: vec![PATH.into()],
        ..Exec::default()
    }
}

pub fn shell(command: &str) -> Exec {
    exec(&["sh", "-c", command])
}
