//! An Exec checked and put into the form that execve takes.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_char;
use core::ptr;

use super::search;
use super::user::{Identity, identity};
use crate::failure::Failure;
use crate::protocol::Exec;

/// What is to be run, and as whom.
#[derive(Debug)]
pub struct Command {
    /// Where the program may be.
    pub candidates: StringList,
    /// Its arguments.
    pub argv: StringList,
    /// Its environment.
    pub env: StringList,
    /// Its working directory; none for "/".
    pub cwd: Option<StringList>,
    /// Whom it runs as; none for root.
    pub identity: Option<Identity>,
}

/// Of root, who is not looked up.
const ROOT_HOME: &str = "/root";

impl Command {
    /// Checks a request and looks up what it names.
    pub fn new(exec: &Exec) -> Result<Self, Failure> {
        let program = exec
            .argv
            .first()
            .ok_or_else(|| invalid("argv", "argv is empty".into()))?;
        if program.is_empty() {
            return Err(invalid("argv", "the program's name is empty".into()));
        }
        exec.argv
            .iter()
            .try_for_each(|argument| without_nul("argv", argument))?;
        exec.env.iter().try_for_each(|entry| variable(entry))?;
        without_nul("cwd", &exec.cwd)?;
        if !exec.cwd.is_empty() && !exec.cwd.starts_with('/') {
            return Err(invalid(
                "cwd",
                format!("the working directory {:?} is not absolute", exec.cwd),
            ));
        }
        without_nul("user", &exec.user)?;
        let identity = identity(&exec.user)?;
        let cwd = (!matches!(exec.cwd.as_str(), "" | "/")).then(|| StringList::new([&exec.cwd]));
        Ok(Self {
            candidates: StringList::new(&search::candidates(program, &exec.env)),
            argv: StringList::new(&exec.argv),
            env: StringList::new(&environment(&exec.env, identity.as_ref())),
            cwd,
            identity,
        })
    }
}

/// The environment with a HOME, which login and container engines add as well.
fn environment(given: &[String], identity: Option<&Identity>) -> Vec<String> {
    let mut entries = given.to_vec();
    if !given.iter().any(|entry| entry.starts_with("HOME=")) {
        let home = identity.map_or(ROOT_HOME, |identity| identity.home.as_str());
        entries.push(format!("HOME={home}"));
    }
    entries
}

fn variable(entry: &str) -> Result<(), Failure> {
    without_nul("env", entry)?;
    match entry.find('=') {
        None | Some(0) => Err(invalid(
            "env",
            format!("{entry:?} is not of the form NAME=value"),
        )),
        Some(_) => Ok(()),
    }
}

fn without_nul(step: &'static str, value: &str) -> Result<(), Failure> {
    if value.contains('\0') {
        return Err(invalid(step, format!("{value:?} contains a NUL character")));
    }
    Ok(())
}

fn invalid(step: &'static str, message: String) -> Failure {
    Failure::invalid(step, message)
}

/// Strings without NUL, as C knows them: one block of bytes and pointers into it.
#[derive(Debug)]
pub struct StringList {
    _bytes: Vec<u8>,
    pointers: Vec<*const c_char>,
}

impl StringList {
    /// Copies the strings.
    pub fn new<'a>(strings: impl IntoIterator<Item = &'a String> + Clone) -> Self {
        let length = strings
            .clone()
            .into_iter()
            .map(|string| string.len() + 1)
            .sum();
        let mut bytes = Vec::with_capacity(length);
        let mut offsets = Vec::new();
        for string in strings {
            offsets.push(bytes.len());
            bytes.extend_from_slice(string.as_bytes());
            bytes.push(0);
        }
        let start: *const u8 = bytes.as_ptr();
        let pointers = offsets
            .into_iter()
            .map(|offset| start.wrapping_add(offset).cast())
            .chain([ptr::null()])
            .collect();
        Self {
            _bytes: bytes,
            pointers,
        }
    }

    /// The pointers, ended by null; valid as long as this lives.
    pub fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }

    /// The first string's pointer, or null.
    pub fn first(&self) -> *const c_char {
        self.pointers.first().copied().unwrap_or(ptr::null())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use core::ffi::CStr;

    use super::*;

    #[test]
    fn a_list_ends_with_null_and_its_strings_with_nul() {
        let list = StringList::new(&[String::from("ab"), String::new()]);
        assert_eq!(list.pointers.len(), 3);
        assert!(list.pointers[2].is_null());
        // SAFETY: the list is alive and its strings end with NUL.
        assert_eq!(unsafe { CStr::from_ptr(list.first()) }, c"ab");
        // SAFETY: as above.
        assert_eq!(unsafe { CStr::from_ptr(list.pointers[1]) }, c"");
    }

    #[test]
    fn what_is_wrong_with_a_request_is_named() {
        let wrong = |exec: Exec| Command::new(&exec).err().map(|failure| failure.step);
        let argv = vec![String::from("x")];
        assert_eq!(wrong(Exec::default()), Some("argv"));
        assert_eq!(
            wrong(Exec {
                argv: vec!["".into()],
                ..Exec::default()
            }),
            Some("argv")
        );
        assert_eq!(
            wrong(Exec {
                argv: vec!["a\0".into()],
                ..Exec::default()
            }),
            Some("argv")
        );
        let env = vec!["NAME".into()];
        assert_eq!(
            wrong(Exec {
                argv: argv.clone(),
                env,
                ..Exec::default()
            }),
            Some("env")
        );
        assert_eq!(
            wrong(Exec {
                argv: argv.clone(),
                cwd: "tmp".into(),
                ..Exec::default()
            }),
            Some("cwd")
        );
        assert_eq!(
            wrong(Exec {
                argv,
                ..Exec::default()
            }),
            None
        );
    }
}
