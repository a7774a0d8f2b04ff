//! Where a program is looked for.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Where to look when the environment has no PATH, as container engines do.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The files that `program` may mean, in the order in which they are to be tried.
pub fn candidates(program: &str, env: &[String]) -> Vec<String> {
    if program.contains('/') {
        return vec![program.into()];
    }
    path(env)
        .split(':')
        .map(|folder| join(folder, program))
        .collect()
}

/// The last PATH of the environment: what most programs take when there are several.
fn path(env: &[String]) -> &str {
    env.iter()
        .rev()
        .find_map(|entry| entry.strip_prefix("PATH="))
        .unwrap_or(DEFAULT_PATH)
}

/// An empty element means the working directory.
fn join(folder: &str, program: &str) -> String {
    let folder = if folder.is_empty() { "." } else { folder };
    let mut joined = String::with_capacity(folder.len() + 1 + program.len());
    joined.push_str(folder);
    if !folder.ends_with('/') {
        joined.push('/');
    }
    joined.push_str(program);
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_a_slash_is_not_looked_for() {
        assert_eq!(candidates("./x", &["PATH=/bin".into()]), ["./x"]);
    }

    #[test]
    fn elements_of_path_are_tried_in_order() {
        let env = ["PATH=/a:/b/::c".into()];
        assert_eq!(candidates("x", &env), ["/a/x", "/b/x", "./x", "c/x"]);
    }

    #[test]
    fn without_path_the_usual_folders_are_tried() {
        assert_eq!(
            candidates("sh", &[]).last().map(String::as_str),
            Some("/bin/sh")
        );
    }
}
