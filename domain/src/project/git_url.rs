//! Where a project's code is fetched from: an address that can name neither a command, an option nor a secret.

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use url::Url;

/// Longest address, in bytes.
pub(crate) const GIT_URL_MAX_BYTES: usize = 1024;

/// The address of a git repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct GitUrl(String);

/// How git reaches an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `https://host/path`.
    Https,
    /// `ssh://[user@]host[:port]/path` or `user@host:path`.
    Ssh,
    /// A folder of the server's own machine: `/path` or `file:///path`.
    Local,
}

/// Why a text is not the address of a repository. It never repeats the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGitUrl {
    /// Neither grammar fits.
    #[error(
        "not the URL of a Git repository: expected https://host/path, ssh://user@host/path or user@host:path, at most {GIT_URL_MAX_BYTES} printable ASCII characters"
    )]
    Malformed,
    /// `http://`, `git://`, `ext::` …
    #[error("this kind of Git URL is not supported: expected https or ssh")]
    Scheme,
    /// A user or password in an https address, or a password in an ssh one.
    #[error(
        "a Git URL must not contain a password or token, which would be stored and shown: use a deploy key instead"
    )]
    Credentials,
    /// A path of this machine, and the operator allows none.
    #[error(
        "Git repositories on the server's own disk are not allowed by the server's settings: expected an https or ssh URL"
    )]
    Local,
}

impl GitUrl {
    /// The address in `text`, which may name a folder of this machine only if `allow_local`.
    ///
    /// # Errors
    /// Says which rule the text breaks, without repeating it.
    pub fn parse(text: &str, allow_local: bool) -> Result<Self, InvalidGitUrl> {
        match grammar(text)? {
            Transport::Local if !allow_local => Err(InvalidGitUrl::Local),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The address as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How git reaches it.
    #[must_use]
    pub fn transport(&self) -> Transport {
        if self.0.starts_with("https://") {
            Transport::Https
        } else if self.0.starts_with('/') || self.0.starts_with("file://") {
            Transport::Local
        } else {
            Transport::Ssh
        }
    }
}

fn grammar(text: &str) -> Result<Transport, InvalidGitUrl> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > GIT_URL_MAX_BYTES || !printable || text.starts_with('-') {
        return Err(InvalidGitUrl::Malformed);
    }
    if text.starts_with('/') {
        return local(text);
    }
    // `ext::sh -c …` and its kin: git runs a remote helper named before the two colons.
    if text.split('/').next().is_some_and(|start| start.contains("::")) {
        return Err(InvalidGitUrl::Scheme);
    }
    match text.split_once("://") {
        Some(("file", path)) => local(path),
        Some(("https", _)) => remote(text, Transport::Https),
        Some(("ssh", _)) => remote(text, Transport::Ssh),
        Some(_) => Err(InvalidGitUrl::Scheme),
        None => scp_like(text),
    }
}

fn local(path: &str) -> Result<Transport, InvalidGitUrl> {
    let normal = path.starts_with('/') && path.split('/').all(|part| part != "..");
    if normal { Ok(Transport::Local) } else { Err(InvalidGitUrl::Malformed) }
}

fn remote(text: &str, transport: Transport) -> Result<Transport, InvalidGitUrl> {
    let url = Url::parse(text).map_err(|_| InvalidGitUrl::Malformed)?;
    let has_user = !url.username().is_empty() && transport == Transport::Https;
    if has_user || url.password().is_some() {
        return Err(InvalidGitUrl::Credentials);
    }
    let host = url.host_str().unwrap_or_default();
    let complete = !host.is_empty() && url.path().len() > 1;
    // ssh would read a host or a user that starts with `-` as an option. A query may carry a token.
    let plain = !host.starts_with('-') && user(url.username()) && url.query().is_none() && url.fragment().is_none();
    if complete && plain { Ok(transport) } else { Err(InvalidGitUrl::Malformed) }
}

fn scp_like(text: &str) -> Result<Transport, InvalidGitUrl> {
    let (name, rest) = text.split_once('@').ok_or(InvalidGitUrl::Malformed)?;
    if name.contains(':') {
        return Err(InvalidGitUrl::Credentials);
    }
    let (host, path) = rest.split_once(':').ok_or(InvalidGitUrl::Malformed)?;
    let label = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let good = !name.is_empty()
        && user(name)
        && !host.is_empty()
        && host.chars().all(label)
        && !host.starts_with('-')
        && !path.is_empty()
        && !path.starts_with('-');
    if good { Ok(Transport::Ssh) } else { Err(InvalidGitUrl::Malformed) }
}

/// A name ssh can log in with; empty is its own default.
fn user(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    !name.starts_with('-') && name.chars().all(inner)
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Accepts what the grammar accepts: whether local addresses are allowed was decided when it was recorded.
impl<'de> Deserialize<'de> for GitUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?, true).map_err(D::Error::custom)
    }
}
