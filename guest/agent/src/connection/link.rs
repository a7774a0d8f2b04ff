//! Where the host is, and connecting to it.

use alloc::string::String;

use rustix::fd::OwnedFd;
use rustix::io;
use rustix::net::addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

/// The host's context id.
const HOST_CID: u32 = 2;

/// The host's port.
const HOST_PORT: u32 = 1024;

/// The host's end of the connection.
#[derive(Debug, Clone)]
pub enum Host {
    /// The host of this virtual machine.
    Vsock,
    /// A socket of this system; for tests without a virtual machine.
    Unix(String),
}

impl Host {
    /// Connects; waits for the host's answer, at most the two seconds of vsock.
    pub fn connect(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Vsock => {
                let socket = stream(AddressFamily::VSOCK)?;
                connect(&socket, &SocketAddrVsock::new(HOST_CID, HOST_PORT))?;
                Ok(socket)
            }
            Self::Unix(path) => {
                let socket = stream(AddressFamily::UNIX)?;
                connect(&socket, &SocketAddrUnix::new(path.as_str())?)?;
                Ok(socket)
            }
        }
    }
}

fn stream(family: AddressFamily) -> io::Result<OwnedFd> {
    socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)
}

/// `struct sockaddr_vm`.
#[repr(C)]
struct SocketAddrVsock {
    family: u16,
    reserved: u16,
    port: u32,
    cid: u32,
    flags: u8,
    zero: [u8; 3],
}

impl SocketAddrVsock {
    fn new(cid: u32, port: u32) -> Self {
        let family = AddressFamily::VSOCK.as_raw();
        Self {
            family,
            reserved: 0,
            port,
            cid,
            flags: 0,
            zero: [0; 3],
        }
    }
}

// SAFETY: the pointer is to a whole `sockaddr_vm` that lives through the call.
unsafe impl SocketAddrArg for SocketAddrVsock {
    unsafe fn with_sockaddr<R>(
        &self,
        f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R,
    ) -> R {
        let length = SocketAddrLen::try_from(size_of::<Self>()).unwrap_or_default();
        f(core::ptr::from_ref(self).cast(), length)
    }
}
