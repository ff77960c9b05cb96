//! The ssh servers that code is fetched from, each pinned by its key: GitHub's own, and those that the operator names.

#[cfg(test)]
mod tests;

use std::sync::Arc;

/// GitHub's keys. Source: GitHub, "GitHub's SSH key fingerprints", and `ssh_keys` of its API at `/meta`.
const GITHUB: &str = "\
github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
github.com ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=
github.com ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQCj7ndNxQowgcQnjshcLrqPEiiphnt+VTTvDP6mHBL9j1aNUkY4Ue1gvwnGLVlOhGeYrnZaMgRK6+PKCUXaDbC7qtbW8gIkhL7aGCsOr/C56SJMy/BCZfxd1nWzAOxSDPgVsmerOBYfNqltV9/hWCqBywINIR+5dIg6JTJ72pcEpEjcYgXkE2YEFXV1JHnsKgbLWNlhScqb2UmyRkQyytRLtL+38TGxkxCflmO+5Z8CSSNY7GidjMIZ7Q4zMjA2n1nGrlTDkzwDCsw+wqFPGQA179cnfGWOWRVruj16z6XyvxvjJwbz0wQZ75XK5tKSb7FNyeIEs4TT4jk+S4dhPeAUC5y+bDYirYgM4GC7uEnztnZyaVWQ7B381AK4Qdrwt51ZqExKbQpTUNn+EjqoTwvqNj4kqx5QUCI0ThS/YkOxJCXmPUWZbhjpCg56i+2aB6CmK2JGhn57K5mj0MNdBXA4/WnwH6XoPWJzK5Nyu2zB3nAZp+S5hpQs+p1vN1/wsjk=
";

/// A `known_hosts` file, held in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHosts(Arc<str>);

/// A line is not valid in a `known_hosts` file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a line of a known_hosts file: expected what ssh-keyscan prints, host algorithm key")]
pub struct InvalidKnownHost(String);

impl KnownHosts {
    /// GitHub, and the operator's `lines`, as `ssh-keyscan` prints them.
    ///
    /// # Errors
    /// One of them is not a valid line.
    pub fn new(lines: &[String]) -> Result<Self, InvalidKnownHost> {
        let mut text = GITHUB.to_owned();
        for line in lines {
            let mut entries = ssh_key::KnownHosts::new(line);
            if line.contains('\n') || !matches!((entries.next(), entries.next()), (Some(Ok(_)), None)) {
                return Err(InvalidKnownHost(line.clone()));
            }
            text.push_str(line);
            text.push('\n');
        }
        Ok(Self(text.into()))
    }

    /// The file.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for KnownHosts {
    fn default() -> Self {
        Self(GITHUB.into())
    }
}
