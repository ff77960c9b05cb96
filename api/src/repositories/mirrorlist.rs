//! `mirrorlist`: one line that names the newest publication, which will never change under a client's hands.
//!
//! `repomd.xml` and its signature are two requests. A publication between them breaks the client, unless both go to
//! the address of one publication. A client that named the key it knows is sent to that key's signature.

use axum::{body::Body, http::Response};

use super::{
    epoch::Epoch,
    point::Compact,
    reads::{RepositoryReads, ServedRepository},
};
use crate::http::{file, problem::Problem, public_url::PublicUrl};

/// When a client of an empty repository should ask again.
const UNPUBLISHED_RETRY_SECONDS: u32 = 30;

pub(super) fn answer(
    reads: &dyn RepositoryReads,
    public_url: &PublicUrl,
    repository: &ServedRepository,
    epoch: Option<Epoch>,
) -> Result<Response<Body>, Problem> {
    let newest = reads.newest_point(repository.id).ok_or(Problem::Unavailable {
        what: "nothing is published in this repository yet",
        retry_after_seconds: UNPUBLISHED_RETRY_SECONDS,
    })?;
    let ServedRepository { organisation, name, .. } = repository;
    let key = epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
    let line = format!("{public_url}/yum/{organisation}/{name}/at/{}/{key}\n", Compact(newest));
    Ok(file::text("text/plain; charset=utf-8", line))
}
