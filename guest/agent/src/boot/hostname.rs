//! The name of the guest.

use alloc::vec::Vec;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::read;
use rustix::system::sethostname;

use super::fatal::BootError;

/// What the host puts on the kernel's command line.
const WORD: &[u8] = b"actovisor.hostname=";

/// The longest command line of the kernel.
const COMMAND_LINE: usize = 2048;

/// Takes the host name from the kernel's command line, if it has one.
pub fn set_hostname() -> Result<(), BootError> {
    let path = "/proc/cmdline";
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(BootError::at("command-line", path))?;
    let mut line = Vec::with_capacity(COMMAND_LINE);
    read(&file, rustix::buffer::spare_capacity(&mut line))
        .map_err(BootError::at("command-line", path))?;
    match hostname(&line) {
        None => Ok(()),
        Some(name) => sethostname(name).map_err(BootError::at(
            "hostname",
            format_args!("{:?}", alloc::string::String::from_utf8_lossy(name)),
        )),
    }
}

fn hostname(line: &[u8]) -> Option<&[u8]> {
    line.split(u8::is_ascii_whitespace)
        .rev()
        .find_map(|word| word.strip_prefix(WORD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts() {
        let line = b"ro actovisor.hostname=a quiet actovisor.hostname=b-1\n";
        assert_eq!(hostname(line), Some(&b"b-1"[..]));
        assert_eq!(hostname(b"ro xactovisor.hostname=a"), None);
    }
}
