//! Users and groups of the image, looked up as container engines do.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustix::io::Errno;

use crate::failure::Failure;
use crate::files::whole;
use crate::protocol::failed::Code;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// A longer file of users is not that of an image.
const MAX_DATABASE: usize = 4 * 1024 * 1024;

/// Whom a program runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// Home directory; the root directory for a user without one.
    pub home: String,
}

/// Looks `user` up: "name", "uid", each with an optional ":group". None means
/// root, without a lookup.
pub fn identity(user: &str) -> Result<Option<Identity>, Failure> {
    if user.is_empty() {
        return Ok(None);
    }
    let passwd = database(PASSWD)?;
    let group = database(GROUP)?;
    resolve(user, &passwd, &group).map(Some)
}

fn database(path: &str) -> Result<Vec<u8>, Failure> {
    match whole::read(path, MAX_DATABASE) {
        Err(failure) if failure.errno == Some(Errno::NOENT) => Ok(Vec::new()),
        Err(failure) => Err(Failure {
            step: "user",
            ..failure
        }),
        Ok(bytes) => Ok(bytes),
    }
}

fn resolve(user: &str, passwd: &[u8], group: &[u8]) -> Result<Identity, Failure> {
    let (user, group_name) = match user.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (user, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let number = user.parse::<u32>().ok();
    let entry = lines(passwd)
        .filter_map(PasswdEntry::parse)
        .find(|entry| entry.is(user, number));
    let (uid, mut gid) = match (&entry, number) {
        (Some(entry), _) => (entry.uid, entry.gid),
        (None, Some(uid)) => (uid, 0),
        (None, None) => return Err(unknown("user", user, PASSWD)),
    };
    let home = entry
        .as_ref()
        .and_then(PasswdEntry::home)
        .unwrap_or("/")
        .into();
    let mut groups = Vec::new();
    match (group_name, entry) {
        (Some(name), _) => gid = group_id(name, group)?,
        (None, Some(entry)) => groups.extend(memberships(entry.name, group)),
        (None, None) => {}
    }
    Ok(Identity {
        uid,
        gid,
        groups,
        home,
    })
}

fn group_id(name: &str, group: &[u8]) -> Result<u32, Failure> {
    let number = name.parse::<u32>().ok();
    lines(group)
        .filter_map(GroupEntry::parse)
        .find(|entry| entry.name == name.as_bytes() || Some(entry.gid) == number)
        .map(|entry| entry.gid)
        .or(number)
        .ok_or_else(|| unknown("group", name, GROUP))
}

fn memberships<'a>(user: &'a [u8], group: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
    lines(group)
        .filter_map(GroupEntry::parse)
        .filter(move |entry| {
            entry
                .members
                .split(|byte| *byte == b',')
                .any(|member| member == user)
        })
        .map(|entry| entry.gid)
}

fn unknown(what: &str, name: &str, file: &str) -> Failure {
    let message = format!("there is no {what} {name:?} in {file} of the image");
    Failure {
        code: Code::NotFound,
        errno: None,
        step: "user",
        message,
    }
}

fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    file.split(|byte| *byte == b'\n')
}

struct PasswdEntry<'a> {
    name: &'a [u8],
    uid: u32,
    gid: u32,
    home: &'a [u8],
}

impl<'a> PasswdEntry<'a> {
    /// name:password:uid:gid:comment:home:shell
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let uid = number(fields.nth(1)?)?;
        Some(Self {
            name,
            uid,
            gid: number(fields.next()?)?,
            home: fields.nth(1).unwrap_or_default(),
        })
    }

    fn home(&self) -> Option<&'a str> {
        core::str::from_utf8(self.home)
            .ok()
            .filter(|home| home.starts_with('/'))
    }

    fn is(&self, name: &str, uid: Option<u32>) -> bool {
        self.name == name.as_bytes() || Some(self.uid) == uid
    }
}

struct GroupEntry<'a> {
    name: &'a [u8],
    gid: u32,
    members: &'a [u8],
}

impl<'a> GroupEntry<'a> {
    /// name:password:gid:member,member
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let gid = number(fields.nth(1)?)?;
        Some(Self {
            name,
            gid,
            members: fields.next().unwrap_or_default(),
        })
    }
}

fn number(field: &[u8]) -> Option<u32> {
    core::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const USERS: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n# comment\nbroken:x\nada:x:1000:100:Ada:/home/ada:/bin/sh\n1000:x:7:7::/:\n";
    const GROUPS: &[u8] = b"root:x:0:\nusers:x:100:ada\nwheel:x:10:root,ada\ndisk:x:6:root\n";

    fn of(user: &str) -> Option<(u32, u32, Vec<u32>)> {
        resolve(user, USERS, GROUPS)
            .ok()
            .map(|id| (id.uid, id.gid, id.groups))
    }

    #[test]
    fn a_name_brings_its_group_and_its_memberships() {
        assert_eq!(of("ada"), Some((1000, 100, vec![100, 10])));
        assert_eq!(of("root"), Some((0, 0, vec![10, 6])));
    }

    #[test]
    fn a_number_is_looked_up_too_and_need_not_exist() {
        assert_eq!(of("1000"), Some((1000, 100, vec![100, 10])));
        assert_eq!(of("4242"), Some((4242, 0, vec![])));
    }

    #[test]
    fn a_group_replaces_the_memberships() {
        assert_eq!(of("ada:wheel"), Some((1000, 10, vec![])));
        assert_eq!(of("ada:55"), Some((1000, 55, vec![])));
        assert_eq!(of("4242:disk"), Some((4242, 6, vec![])));
    }

    #[test]
    fn a_user_without_a_home_is_at_the_root() {
        let home = |user| resolve(user, USERS, GROUPS).map(|id| id.home);
        assert_eq!(home("ada"), Ok("/home/ada".into()));
        assert_eq!(home("1000:100"), Ok("/home/ada".into()));
        assert_eq!(home("7"), Ok("/".into()));
        assert_eq!(home("4242"), Ok("/".into()));
    }

    #[test]
    fn who_is_unknown_is_named() {
        let message = resolve("bob", USERS, GROUPS).map_err(|failure| failure.message);
        assert_eq!(
            message,
            Err("there is no user \"bob\" in /etc/passwd of the image".into())
        );
        let message = resolve("ada:nope", USERS, GROUPS).map_err(|failure| failure.message);
        assert_eq!(
            message,
            Err("there is no group \"nope\" in /etc/group of the image".into())
        );
    }
}
