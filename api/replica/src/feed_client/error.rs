//! Why a feed request failed.

use std::path::PathBuf;

use domain::{digest::Sha256, names::OrganisationName, size::Size};
use reqwest::StatusCode;

/// Why a feed request failed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The token's file cannot be read.
    #[error("cannot read the file with the feed token, {path}", path = .path.display())]
    TokenFile {
        /// The token's file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The token's file contains something else.
    #[error("the file {path} has no feed token: expected one line, pkd_feed_…", path = .path.display())]
    NoToken {
        /// The token's file.
        path: PathBuf,
    },
    /// The HTTP client cannot be created.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The connection failed or was interrupted.
    #[error("cannot reach the server {server}")]
    Unreachable {
        /// The server's URL.
        server: String,
        /// The cause.
        source: reqwest::Error,
    },
    /// The server did not answer in time.
    #[error("the server {server} did not answer within {limit_seconds} s")]
    Silent {
        /// The server's URL.
        server: String,
        /// The time limit.
        limit_seconds: u64,
    },
    /// The server refused the token.
    #[error(
        "the server {server} refuses the feed token: it was revoked, belongs to another server, or is not one of organisation {organisation}"
    )]
    TokenRefused {
        /// The server's URL.
        server: String,
        /// The organisation of the feed.
        organisation: OrganisationName,
    },
    /// The server answered with an error.
    #[error("the server that the replica follows answered {status}: {detail}")]
    Answered {
        /// The status.
        status: StatusCode,
        /// The problem's code, if it has one.
        code: String,
        /// The problem's detail.
        detail: String,
    },
    /// The response is too long.
    #[error("the answer of the server that the replica follows, about {what}, is larger than {}: the server cannot be trusted", Size(*.limit_bytes))]
    TooLong {
        /// What was requested.
        what: &'static str,
        /// The maximum size.
        limit_bytes: u64,
    },
    /// The response is not valid.
    #[error("the answer of the server that the replica follows, about {0}, is not valid")]
    NotUnderstood(&'static str),
    /// A blob does not match its digest.
    #[error(
        "the server that the replica follows sent another blob (stored file) than requested: expected SHA-256 {expected}, found {found}"
    )]
    OtherBytes {
        /// What was requested.
        expected: Sha256,
        /// The digest of the response.
        found: Sha256,
    },
}

impl FeedError {
    /// Whether a later attempt may succeed without any change by an operator.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            Self::Answered { status, .. } => {
                status.is_server_error()
                    || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
            _ => false,
        }
    }
}
