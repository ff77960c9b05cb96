//! The URL under which clients reach this server. It is configured; the `Host` header is never trusted.

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use url::Url;

/// `https://packages.example.com` or `https://example.com:8443/pkgdeploy`: never a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    after_scheme: usize,
}

/// The text is not a valid public URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a valid public URL of the server: expected http(s)://host[:port][/path] of letters, digits and - . _ : / [ ]"
)]
pub struct InvalidPublicUrl(String);

impl PublicUrl {
    /// The address, without a trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address without `https://`: host, port if it is not the scheme's own, path.
    #[must_use]
    pub fn without_scheme(&self) -> &str {
        &self.text[self.after_scheme..]
    }

    /// The address without its path: as browsers write an `Origin`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.text[..self.text.len() - self.path().len()]
    }

    /// The path below which a proxy serves this server: empty, or `/pkgdeploy`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.without_scheme().find('/').map_or("", |start| &self.without_scheme()[start..])
    }

    /// Whether clients reach the server through TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https://")
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    /// The URL is written into shell scripts and configuration files, so only few characters are allowed.
    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let invalid = || InvalidPublicUrl(text.chars().take(300).collect());
        let url = Url::parse(text).map_err(|_| invalid())?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '/' | '[' | ']');
        let text = url.as_str().trim_end_matches('/');
        let usable = matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.password().is_none()
            && text.chars().all(plain)
            && !url.path().contains("//");
        if !usable {
            return Err(invalid());
        }
        Ok(Self { text: text.to_owned(), after_scheme: url.scheme().len() + "://".len() })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
