//! Paths that the host names.

use alloc::format;

use crate::failure::Failure;

/// Refuses what is no absolute path.
pub fn absolute(path: &str) -> Result<&str, Failure> {
    if path.contains('\0') {
        return Err(Failure::invalid(
            "path",
            format!("{path:?} contains a NUL character"),
        ));
    }
    if !path.starts_with('/') {
        return Err(Failure::invalid(
            "path",
            format!("{path:?} is not an absolute path"),
        ));
    }
    Ok(path)
}

/// The folder and the name of what a path names itself: slashes at the end, which
/// would follow a symbolic link, do not count. Refuses the root, "." and "..".
pub fn entry(path: &str) -> Result<(&str, &str), Failure> {
    let trimmed = absolute(path)?.trim_end_matches('/');
    match trimmed.rsplit_once('/') {
        Some((folder, name)) if !matches!(name, "" | "." | "..") => {
            Ok((if folder.is_empty() { "/" } else { folder }, name))
        }
        _ => Err(Failure::invalid(
            "path",
            format!("{path:?} does not name an entry of a directory"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_folder_and_a_name() {
        assert_eq!(entry("/a").ok(), Some(("/", "a")));
        assert_eq!(entry("/a/b//").ok(), Some(("/a", "b")));
        assert_eq!(entry("//a").ok(), Some(("/", "a")));
    }

    #[test]
    fn what_names_no_entry_is_refused() {
        for path in ["", "a", "a/b", "/", "//", "/a/.", "/a/..", "/a/../", "/\0"] {
            assert!(entry(path).is_err(), "{path:?}");
        }
    }
}
