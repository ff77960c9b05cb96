//! The URL of an event log.

#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf, str::FromStr};

use serde::Deserialize;
use url::Url;

use super::{
    eventstoredb_url::{EVENTSTOREDB_URL_EXPECTED, EventStoreDbUrl, SCHEMES},
    postgres::PostgresUrl,
};

/// `sqlite:<path>`, `postgres://…`, `esdb://…` or `esdb+discover://…`. Never shows a password, however it is printed.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub enum LogUrl {
    /// A file of this machine.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server.
    Postgres(Box<PostgresUrl>),
    /// An EventStoreDB or KurrentDB.
    EventStoreDb(EventStoreDbUrl),
}

/// The text does not say where a log is. It is not repeated here: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLogUrl {
    /// It is no URL at all.
    #[error("the URL of the event log is not valid: expected {EXPECTED}")]
    Malformed,
    /// There is no such store.
    #[error("the URL of the event log begins with \"{scheme}:\", which is not supported: expected {EXPECTED}")]
    Scheme {
        /// What the URL begins with.
        scheme: String,
    },
    /// `sqlite:` and nothing.
    #[error("the URL of the event log names no file: expected sqlite:<path>")]
    NoPath,
    /// `esdb:` without a node.
    #[error("the URL of the event log names no host: expected {EVENTSTOREDB_URL_EXPECTED}")]
    NoNode,
}

const EXPECTED: &str =
    "sqlite:<path>, postgres://<user>[:<password>]@<host>[:<port>]/<database> or esdb://<host>[:<port>][,<host>…]";

impl FromStr for LogUrl {
    type Err = InvalidLogUrl;

    fn from_str(text: &str) -> Result<Self, InvalidLogUrl> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            // `sqlite:///var/log` has an empty host before its path; `sqlite:log` is relative.
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(InvalidLogUrl::NoPath) } else { Ok(Self::Sqlite(path.into())) };
        }
        // Several nodes are no URL, as others understand it.
        if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            return text.parse().map(Self::EventStoreDb).map_err(|()| InvalidLogUrl::NoNode);
        }
        let url = Url::parse(text).map_err(|_| InvalidLogUrl::Malformed)?;
        match url.scheme() {
            "postgres" | "postgresql" => {
                text.parse().map(|url| Self::Postgres(Box::new(url))).map_err(|()| InvalidLogUrl::Malformed)
            }
            scheme => Err(InvalidLogUrl::Scheme { scheme: scheme.to_owned() }),
        }
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
            Self::Postgres(url) => write!(f, "{url}"),
            Self::EventStoreDb(url) => write!(f, "{url}"),
        }
    }
}

impl fmt::Debug for LogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
