//! `mirrorlist`: one line with the URL of one repository version, which never changes.
//!
//! `repomd.xml` and its signature are two requests. If a new version is published between them, the client fails, unless both go to the
//! URL of the same version. A client that named the key it knows is sent to that key's signature.

use api_http::{file, problem::Problem, public_url::PublicUrl};
use axum::{body::Body, http::Response};
use domain::repository::{Compact, PointInTime};
use index::Repositories;

use super::{access::ServedRepository, epoch::Epoch, files::no_point};

/// The time to retry for a client of an empty repository.
const UNPUBLISHED_RETRY_SECONDS: u32 = 30;

/// The line for the version at `point`. The URL names the version by its time, which is valid for every log.
pub(super) async fn answer(
    repositories: &Repositories,
    public_url: &PublicUrl,
    repository: &ServedRepository,
    point: &PointInTime,
    epoch: Option<Epoch>,
) -> Result<Response<Body>, Problem> {
    let published_at = repositories.published_at(repository.id, point).await?.ok_or_else(|| match point {
        PointInTime::Newest => Problem::Unavailable {
            what: "nothing is published in this repository yet",
            retry_after_seconds: UNPUBLISHED_RETRY_SECONDS,
        },
        point => no_point(point),
    })?;
    let ServedRepository { organisation, name, .. } = repository;
    let key = epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
    let line = format!("{public_url}/yum/{organisation}/{name}/at/{}/{key}\n", Compact(published_at));
    Ok(file::text("text/plain; charset=utf-8", line))
}
