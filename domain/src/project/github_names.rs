//! Names and addresses at GitHub, each refused unless it can stand in a URL.

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use url::{Host, Url};

/// Longest `owner/name` at GitHub: 39 characters, a slash and 100.
pub(crate) const GITHUB_NAME_MAX_CHARS: usize = 140;
/// Longest address of GitHub's API.
pub(crate) const API_URL_MAX_BYTES: usize = 300;

/// A code repository's name at GitHub: `acme/web`. Names are reused there: the numeric id is what counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct GithubName(String);

/// Where GitHub's API is: `https://api.github.com`, or `https://host/api/v3`. No slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ApiUrl(String);

/// The text names no code repository, or no API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGithub {
    /// No name.
    #[error("not the name of a GitHub repository: expected owner/name")]
    Name,
    /// No address.
    #[error(
        "not the URL of GitHub's API: expected https://host[/path] without login, query or fragment \
         (http only for this machine itself)"
    )]
    ApiUrl,
}

impl GithubName {
    /// `acme/web`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GithubName {
    type Err = InvalidGithub;
    fn from_str(text: &str) -> Result<Self, InvalidGithub> {
        let part = |part: &str| {
            !part.is_empty()
                && !matches!(part, "." | "..")
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        let fits = text.len() <= GITHUB_NAME_MAX_CHARS
            && text.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidGithub::Name) }
    }
}

impl ApiUrl {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ApiUrl {
    /// GitHub's own.
    fn default() -> Self {
        Self("https://api.github.com".to_owned())
    }
}

impl FromStr for ApiUrl {
    type Err = InvalidGithub;
    fn from_str(text: &str) -> Result<Self, InvalidGithub> {
        let url = Url::parse(text).map_err(|_| InvalidGithub::ApiUrl)?;
        let here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err(InvalidGithub::ApiUrl),
        };
        let fits = text.len() <= API_URL_MAX_BYTES
            && (url.scheme() == "https" || (url.scheme() == "http" && here))
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if fits { Ok(Self(url.as_str().trim_end_matches('/').to_owned())) } else { Err(InvalidGithub::ApiUrl) }
    }
}

macro_rules! text_forms {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )+};
}
text_forms!(GithubName, ApiUrl);
