//! Why a feed does not give what it was asked for.

use std::path::PathBuf;

use domain::{digest::Sha256, names::OrganisationName};
use reqwest::StatusCode;

/// Why a feed does not give what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// There is no token to show.
    #[error("cannot read the feed token in {path}", path = .path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("there is no feed token in {path}: expected one line, pkd_feed_…", path = .path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
    },
    /// This machine cannot ask anybody.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
    /// No answer, or it broke off.
    #[error("the server {server} cannot be reached")]
    Unreachable {
        /// Which.
        server: String,
        /// Why.
        source: reqwest::Error,
    },
    /// It says nothing.
    #[error("the server {server} cannot be reached: no answer within {limit_seconds} s")]
    Silent {
        /// Which.
        server: String,
        /// How long it may take.
        limit_seconds: u64,
    },
    /// It does not let us in.
    #[error(
        "the server {server} refuses the feed token: it was revoked, is another server's, or not one of {organisation}'s"
    )]
    TokenRefused {
        /// Which.
        server: String,
        /// Whose feed was asked for.
        organisation: OrganisationName,
    },
    /// It does not do it.
    #[error("the server answers {status}: {detail}")]
    Answered {
        /// The status.
        status: StatusCode,
        /// The stable word of the problem, if it said one.
        code: String,
        /// What it said.
        detail: String,
    },
    /// It says more than it should.
    #[error("the server's answer about {what} has more than {limit_bytes} bytes: do not believe where it comes from")]
    TooLong {
        /// What was asked for.
        what: &'static str,
        /// How long it may be.
        limit_bytes: u64,
    },
    /// It is not what a server of this version says.
    #[error("the server's answer about {0} is not what was expected")]
    NotUnderstood(&'static str),
    /// Bytes are not those of their digest.
    #[error("the server sent other bytes than those of the blob {expected}: they have SHA-256 {found}")]
    OtherBytes {
        /// What was asked for.
        expected: Sha256,
        /// What came.
        found: Sha256,
    },
}

impl FeedError {
    /// Whether it may be otherwise in a moment, without anybody doing anything.
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
