//! The query parameters of feed requests.

use api_http::{
    problem::Problem,
    query::{Parameters, expected},
};
use axum::{extract::FromRequestParts, http::request::Parts};

use super::wire::WAIT_MAX_SECONDS;

/// What a replica has, and how long to wait for more.
#[derive(Debug)]
pub(super) struct LogQuery {
    /// The number of entries it has.
    pub(super) from: u64,
    /// The number of events of signing keys it has.
    pub(super) signing_keys: u64,
    /// Seconds, 0 to [`WAIT_MAX_SECONDS`].
    pub(super) wait: u64,
}

impl<S: Sync> FromRequestParts<S> for LogQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let given = Parameters::of(parts.uri.query(), &["from", "signing_keys", "wait"])?;
        let number = |name| Ok::<_, Problem>(given.number(name)?.unwrap_or_default());
        let seconds = given.text("wait").map_or(Ok(0), str::parse).ok().filter(|wait| *wait <= WAIT_MAX_SECONDS);
        let wait = seconds.ok_or_else(|| expected("wait", &format!("whole seconds, 0 to {WAIT_MAX_SECONDS}")))?;
        Ok(Self { from: number("from")?, signing_keys: number("signing_keys")?, wait })
    }
}

/// The entry that names a blob.
#[derive(Debug)]
pub(super) struct BlobQuery {
    /// Counted from 0, as in proofs.
    pub(super) entry: u64,
}

impl<S: Sync> FromRequestParts<S> for BlobQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let given = Parameters::of(parts.uri.query(), &["entry"])?;
        let missing = || expected("entry", "the number of an entry that names the blob, counted from 0");
        Ok(Self { entry: given.number("entry")?.ok_or_else(missing)? })
    }
}
