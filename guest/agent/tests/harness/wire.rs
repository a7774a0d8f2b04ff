//! The host's side of the wire.

use std::io::Read as _;
use std::os::unix::net::{UnixListener, UnixStream};

use actovisor_agent::protocol::{FromAgent, Hello, from_agent};
use prost::Message as _;

use super::deadline::{DEADLINE, within_deadline};

/// The next connection and its Hello.
pub fn accept(listener: &UnixListener) -> (UnixStream, Vec<u8>, Hello) {
    listener.set_nonblocking(true).unwrap();
    let (mut socket, _) = within_deadline("connection", || listener.accept().ok());
    socket.set_nonblocking(false).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.set_write_timeout(Some(DEADLINE)).unwrap();
    let mut inbox = Vec::new();
    match receive(&mut socket, &mut inbox) {
        Some(FromAgent {
            request: 0,
            body: Some(from_agent::Body::Hello(hello)),
        }) => (socket, inbox, hello),
        other => panic!("not Hello: {other:?}"),
    }
}

/// The next message; none at the end of the connection.
pub fn receive(socket: &mut UnixStream, inbox: &mut Vec<u8>) -> Option<FromAgent> {
    loop {
        if let Ok(length) = prost::decode_length_delimiter(&inbox[..]) {
            let prefix = prost::length_delimiter_len(length);
            if inbox.len() >= prefix + length {
                let message = FromAgent::decode(&inbox[prefix..prefix + length]).unwrap();
                inbox.drain(..prefix + length);
                return Some(message);
            }
        }
        let mut bytes = vec![0; 256 * 1024];
        match socket.read(&mut bytes) {
            Ok(0) => return None,
            Ok(count) => inbox.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("nothing from the agent: {error}"),
        }
    }
}
