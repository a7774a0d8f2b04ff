//! The loopback interface.

use core::ptr;

use linux_raw_sys::general::__NR_ioctl;
use linux_raw_sys::ioctl::SIOCSIFFLAGS;
use rustix::fd::AsRawFd as _;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::fatal::BootError;
use crate::sys::{check, syscall};

const NAME: &[u8; 2] = b"lo";

/// IFF_UP
const UP: i16 = 1;

/// `struct ifreq`, as far as flags are concerned.
#[repr(C)]
struct InterfaceFlags {
    name: [u8; 16],
    flags: i16,
    unused: [u8; 22],
}

/// Brings it up; the kernel gives it its addresses.
pub fn loopback_up() -> Result<(), BootError> {
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(BootError::at("loopback", "cannot open a socket"))?;
    let mut request = InterfaceFlags {
        name: [0; 16],
        flags: UP,
        unused: [0; 22],
    };
    request.name[..NAME.len()].copy_from_slice(NAME);
    let fd = socket.as_raw_fd().unsigned_abs() as usize;
    let address = ptr::from_ref(&request) as usize;
    // SAFETY: the request is a whole `ifreq` that lives through the call, which reads it.
    let result = unsafe { syscall(__NR_ioctl, [fd, SIOCSIFFLAGS as usize, address]) };
    check(result)
        .map(drop)
        .map_err(BootError::at("loopback", "cannot bring lo up"))
}
