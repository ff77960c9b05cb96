//! The URL of an event log.

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
    #[error("the log's URL is not valid: expected {EXPECTED}")]
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
    /// `esdb:` without a node.
    #[error("the log's URL names no node: expected {EVENTSTOREDB_URL_EXPECTED}")]
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
            let url: LogUrl = text.parse().expect(text);
            assert!(matches!(&url, LogUrl::Sqlite(found) if found.to_str() == Some(path)), "{url}");
        }
        assert_eq!("sqlite:".parse::<LogUrl>().err(), Some(InvalidLogUrl::NoPath));
    }

    #[test]
    fn a_database_is_shown_without_its_password() {
        let url: LogUrl =
            "postgres://me:hunter2@db.example/log?sslmode=require&password=hunter2".parse().expect("a URL");
        assert_eq!(url.to_string(), "postgres://me@db.example/log");
        assert_eq!(format!("{url:?}"), url.to_string());
        let error = "postgres://me:hunter2@db/log?port=none".parse::<LogUrl>().expect_err("no port").to_string();
        assert!(error.contains("postgres://") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_cluster_is_shown_without_its_password() {
        let url: LogUrl = "esdb://me:hunter2@a.example:2113,b.example:2113?tls=false".parse().expect("a URL");
        assert_eq!(url.to_string(), "esdb://me@a.example:2113,b.example:2113");
        assert_eq!("esdb://me:hunter2@".parse::<LogUrl>().err(), Some(InvalidLogUrl::NoNode));
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
