//! Where a GitHub answers, and what a repository is called there.

use std::{fmt, str::FromStr};

use url::{Host, Url};

/// Longest address of an API.
const API_URL_MAX_BYTES: usize = 255;
/// Longest `owner/name`: GitHub allows 39 and 100 characters.
const FULL_NAME_MAX_BYTES: usize = 140;

/// The root of a GitHub's REST API: `https://api.github.com`, `https://github.example.org/api/v3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUrl(Url);

/// The text is not the root of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiUrl {
    /// No URL, or more than a root.
    #[error(
        "not the address of a GitHub API: expected https://api.github.com or, for GitHub Enterprise, https://host/api/v3"
    )]
    Malformed,
    /// A token would cross the network in clear.
    #[error("the address of a GitHub API must begin with https://, because a token is sent to it")]
    NotHttps,
}

impl ApiUrl {
    /// GitHub itself.
    pub const GITHUB: &'static str = "https://api.github.com";

    /// The address of `path` below the root. Each part is one path segment, whatever it holds.
    pub(super) fn join<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        url.path_segments_mut().expect("an http address has segments").pop_if_empty().extend(path);
        url
    }

    /// Whether `other` is answered by the same server, so that it may be shown the token.
    pub(super) fn is_at(&self, other: &Url) -> bool {
        self.0.origin() == other.origin()
    }
}

impl FromStr for ApiUrl {
    type Err = InvalidApiUrl;

    fn from_str(text: &str) -> Result<Self, InvalidApiUrl> {
        if text.len() > API_URL_MAX_BYTES {
            return Err(InvalidApiUrl::Malformed);
        }
        let url = Url::parse(text).map_err(|_| InvalidApiUrl::Malformed)?;
        let bare = url.username().is_empty() && url.password().is_none();
        if !bare || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidApiUrl::Malformed);
        }
        match (url.scheme(), url.host()) {
            ("https", Some(_)) => Ok(Self(url)),
            // Nothing leaves the machine: GitHub behind a tunnel, or its double.
            ("http", Some(Host::Ipv4(address))) if address.is_loopback() => Ok(Self(url)),
            ("http", Some(Host::Ipv6(address))) if address.is_loopback() => Ok(Self(url)),
            ("http", Some(_)) => Err(InvalidApiUrl::NotHttps),
            _ => Err(InvalidApiUrl::Malformed),
        }
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// What a repository is called: `owner/name`. Names are reused; its numeric id is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullName {
    owner: String,
    name: String,
}

/// The text is no `owner/name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a repository: expected owner/name, of letters, digits and ._-")]
pub struct InvalidFullName;

impl FullName {
    /// The address of `path` below this repository.
    pub(super) fn url<'a>(&'a self, api: &ApiUrl, path: impl IntoIterator<Item = &'a str>) -> Url {
        api.join(["repos", &self.owner, &self.name].into_iter().chain(path))
    }
}

impl FromStr for FullName {
    type Err = InvalidFullName;

    fn from_str(text: &str) -> Result<Self, InvalidFullName> {
        let plain = |part: &str| {
            let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
            !part.is_empty() && !matches!(part, "." | "..") && part.bytes().all(inner)
        };
        match text.split_once('/') {
            Some((owner, name)) if text.len() <= FULL_NAME_MAX_BYTES && plain(owner) && plain(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(InvalidFullName),
        }
    }
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_over_https_or_not_at_all() {
        for good in [ApiUrl::GITHUB, "https://github.acme.test/api/v3/", "http://127.0.0.1:9000", "http://[::1]:9000"] {
            assert!(good.parse::<ApiUrl>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://api.github.com", InvalidApiUrl::NotHttps),
            ("http://localhost:9000", InvalidApiUrl::NotHttps),
            ("https://token@api.github.com", InvalidApiUrl::Malformed),
            ("https://api.github.com?a=b", InvalidApiUrl::Malformed),
            ("ftp://api.github.com", InvalidApiUrl::Malformed),
            ("api.github.com", InvalidApiUrl::Malformed),
        ] {
            assert_eq!(bad.parse::<ApiUrl>(), Err(why), "{bad}");
        }
    }

    #[test]
    fn a_repository_of_github_enterprise_is_below_its_prefix() {
        let api: ApiUrl = "https://github.acme.test/api/v3/".parse().expect("an address");
        let shop: FullName = "acme/shop.js".parse().expect("a name");
        assert_eq!(shop.url(&api, ["hooks"]).as_str(), "https://github.acme.test/api/v3/repos/acme/shop.js/hooks");
    }

    #[test]
    fn a_name_reaches_no_other_address() {
        for bad in ["acme", "acme/", "/shop", "acme/../admin", "acme/shop/hooks", "../shop", "acme/s?q", "acme/s%2f"] {
            assert_eq!(bad.parse::<FullName>(), Err(InvalidFullName), "{bad}");
        }
        assert!(format!("a/{}", "b".repeat(FULL_NAME_MAX_BYTES)).parse::<FullName>().is_err());
    }
}
