//! Where a log is, as one line of text.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::Deserialize;
use url::Url;

/// `sqlite:<path>`. Never shows a password, however it is printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogUrl {
    /// A file of this machine.
    Sqlite(PathBuf),
}

/// The text does not say where a log is. It is not repeated here: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLogUrl {
    /// It is no URL at all.
    #[error("the log's URL is none: expected {EXPECTED}")]
    Malformed,
    /// There is no such store.
    #[error("no event store is called \"{scheme}:\": expected {EXPECTED}")]
    Scheme {
        /// What the URL begins with.
        scheme: String,
    },
    /// `sqlite:` and nothing.
    #[error("the log's URL names no file: expected sqlite:<path>")]
    NoPath,
}

const EXPECTED: &str = "sqlite:<path>";

impl FromStr for LogUrl {
    type Err = InvalidLogUrl;

    fn from_str(text: &str) -> Result<Self, InvalidLogUrl> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            // `sqlite:///var/log` has an empty host before its path; `sqlite:log` is relative.
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(InvalidLogUrl::NoPath) } else { Ok(Self::Sqlite(path.into())) };
        }
        let url = Url::parse(text).map_err(|_| InvalidLogUrl::Malformed)?;
        Err(InvalidLogUrl::Scheme { scheme: url.scheme().to_owned() })
    }
}

impl TryFrom<String> for LogUrl {
    type Error = InvalidLogUrl;

    fn try_from(text: String) -> Result<Self, InvalidLogUrl> {
        text.parse()
    }
}

impl fmt::Display for LogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

impl fmt::Debug for LogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_its_path() {
        for (text, path) in [
            ("sqlite:/var/lib/log.sqlite", "/var/lib/log.sqlite"),
            ("sqlite:///var/lib/log.sqlite", "/var/lib/log.sqlite"),
            ("sqlite:log.sqlite", "log.sqlite"),
        ] {
            assert_eq!(text.parse(), Ok(LogUrl::Sqlite(path.into())), "{text}");
        }
        assert_eq!("sqlite:".parse::<LogUrl>(), Err(InvalidLogUrl::NoPath));
    }

    #[test]
    fn another_store_is_refused_by_its_name_and_its_password_is_not_repeated() {
        for (text, says) in
            [("mysql://me:hunter2@db/log", "mysql"), ("me:hunter2@db", "me"), ("hunter2", "expected"), ("", "expected")]
        {
            let error = text.parse::<LogUrl>().expect_err(text).to_string();
            assert!(error.contains(says) && error.contains("sqlite:<path>"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
