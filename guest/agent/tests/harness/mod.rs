//! A host for the real agent: listens on a Unix socket, starts the agent there and
//! speaks the protocol with it. Every wait has a deadline and fails the test.
#![allow(dead_code, missing_docs, unused_imports, clippy::unwrap_used)]

mod deadline;
mod programs;
mod refusal;
mod wire;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use actovisor_agent::protocol::{
    Credit, Data, Eof, Exec, FromAgent, Hello, INITIAL_GRANT, MAX_DATA, Stream, ToAgent,
    from_agent, to_agent,
};
use prost::Message as _;

pub use deadline::{is_alive, within_deadline};
pub use programs::{Ran, exec, shell};
pub use refusal::{Refusal, failure};
use wire::{accept, receive};

/// An agent and its host.
pub struct Host {
    pub folder: PathBuf,
    listener: UnixListener,
    agent: Child,
    socket: UnixStream,
    inbox: Vec<u8>,
    pub hello: Hello,
    next: u32,
}

impl Host {
    pub fn new() -> Self {
        Self::with_arguments(&[])
    }

    pub fn with_arguments(arguments: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("actovisor-agent-test-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let agent = Command::new(agent_path())
            .arg("--serve-unix")
            .arg(&path)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (socket, inbox, hello) = accept(&listener);
        Self {
            folder,
            listener,
            agent,
            socket,
            inbox,
            hello,
            next: 1,
        }
    }

    /// Waits for the agent to connect again.
    pub fn accept(&mut self) {
        (self.socket, self.inbox, self.hello) = accept(&self.listener);
    }

    /// Closes the connection and waits for the next one.
    pub fn reconnect(&mut self) {
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
        self.accept();
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().into()
    }

    pub fn agent_pid(&self) -> u32 {
        self.agent.id()
    }

    /// What the agent said before it ended; ends it.
    pub fn said(&mut self) -> String {
        self.agent.kill().unwrap();
        let mut text = String::new();
        self.agent
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    /// The exit status of an agent that ends by itself.
    pub fn agent_status(&mut self) -> std::process::ExitStatus {
        within_deadline("the end of the agent", || self.agent.try_wait().unwrap())
    }

    pub fn id(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    pub fn send(&mut self, request: u32, body: to_agent::Body) {
        let bytes = ToAgent {
            request,
            body: Some(body),
        }
        .encode_length_delimited_to_vec();
        self.send_bytes(&bytes);
    }

    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// For sending while another thread receives.
    pub fn sender(&self) -> UnixStream {
        self.socket.try_clone().unwrap()
    }

    /// Sends what may find the connection closed already.
    pub fn try_send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    /// Opens a request under a new id.
    pub fn open(&mut self, body: to_agent::Body) -> u32 {
        let id = self.id();
        self.send(id, body);
        id
    }

    /// The next message.
    pub fn receive(&mut self) -> FromAgent {
        receive(&mut self.socket, &mut self.inbox).expect("the agent closed the connection")
    }

    /// Whether the agent ends the connection, whatever it sends before.
    pub fn is_closed(&mut self) -> bool {
        while receive(&mut self.socket, &mut self.inbox).is_some() {}
        true
    }

    /// The next message, which is for `request`.
    pub fn receive_for(&mut self, request: u32) -> from_agent::Body {
        let message = self.receive();
        assert_eq!(message.request, request, "{message:?}");
        message.body.unwrap()
    }

    /// The answer to a request that is answered at once.
    pub fn ask(&mut self, body: to_agent::Body) -> from_agent::Body {
        let id = self.open(body);
        self.receive_for(id)
    }

    /// Waits for the program of `request` to run.
    pub fn started(&mut self, request: u32) -> u32 {
        match self.receive_for(request) {
            from_agent::Body::Started(started) => started.pid,
            other => panic!("not Started: {other:?}"),
        }
    }

    /// Runs a program to its end.
    pub fn run(&mut self, exec: Exec) -> Ran {
        let id = self.open(to_agent::Body::Exec(exec));
        self.finish(id)
    }

    /// Runs a shell command.
    pub fn shell(&mut self, command: &str) -> Ran {
        self.run(shell(command))
    }

    /// Takes the messages of a request until its last; grants what it consumes.
    pub fn finish(&mut self, request: u32) -> Ran {
        self.finish_all(&[request]).remove(&request).unwrap()
    }

    pub fn finish_all(&mut self, requests: &[u32]) -> BTreeMap<u32, Ran> {
        let mut all: BTreeMap<u32, Ran> = requests.iter().map(|id| (*id, Ran::default())).collect();
        let mut open = requests.len();
        while open > 0 {
            let FromAgent { request, body } = self.receive();
            let ran = all
                .get_mut(&request)
                .expect("a message for another request");
            assert!(
                ran.exited.is_none() && ran.failed.is_none(),
                "a message after the last"
            );
            match body.unwrap() {
                from_agent::Body::Started(_) => ran.started = true,
                from_agent::Body::Data(Data { stream, bytes }) => {
                    assert!(!bytes.is_empty() && bytes.len() <= MAX_DATA);
                    let credit = Credit {
                        stream,
                        bytes: u32::try_from(bytes.len()).unwrap(),
                    };
                    if stream == i32::from(Stream::Stdout) {
                        ran.stdout.extend(bytes);
                    } else {
                        ran.stderr.extend(bytes);
                    }
                    // The agent may have ended the request, or even itself, meanwhile.
                    let message = ToAgent {
                        request,
                        body: Some(to_agent::Body::Credit(credit)),
                    };
                    self.try_send_bytes(&message.encode_length_delimited_to_vec());
                }
                from_agent::Body::Exited(exited) => {
                    ran.exited = Some(exited);
                    open -= 1;
                }
                from_agent::Body::Failed(failed) => {
                    ran.failed = Some(failed);
                    open -= 1;
                }
                from_agent::Body::Eof(_) | from_agent::Body::Credit(_) => {}
                other => panic!("unexpected: {other:?}"),
            }
        }
        all
    }

    pub fn data(&mut self, request: u32, stream: Stream, bytes: &[u8]) {
        let data = Data {
            stream: stream.into(),
            bytes: bytes.into(),
        };
        self.send(request, to_agent::Body::Data(data));
    }

    pub fn eof(&mut self, request: u32, stream: Stream) {
        self.send(
            request,
            to_agent::Body::Eof(Eof {
                stream: stream.into(),
            }),
        );
    }

    /// Sends all of `bytes`, within the grants of the agent, and the end; answers
    /// what came meanwhile.
    pub fn feed(&mut self, request: u32, stream: Stream, bytes: &[u8]) -> Vec<from_agent::Body> {
        let mut granted = INITIAL_GRANT;
        let mut others = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            while granted == 0 {
                match self.receive_for(request) {
                    from_agent::Body::Credit(credit) => granted += credit.bytes as usize,
                    other => others.push(other),
                }
            }
            let (now, later) = rest.split_at(rest.len().min(granted).min(MAX_DATA));
            self.data(request, stream, now);
            granted -= now.len();
            rest = later;
        }
        self.eof(request, stream);
        others
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The built agent, or the one that the environment names: the form without a C library.
fn agent_path() -> PathBuf {
    std::env::var_os("ACTOVISOR_AGENT").map_or_else(
        || Path::new(env!("CARGO_BIN_EXE_actovisor-agent")).into(),
        PathBuf::from,
    )
}
