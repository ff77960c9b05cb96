//! `mirrorlist`: one line that names one publication, which will never change under a client's hands.
//!
//! `repomd.xml` and its signature are two requests. A publication between them breaks the client, unless both go to
//! the address of one publication. A client that named the key it knows is sent to that key's signature.

use api_http::{file, problem::Problem, public_url::PublicUrl};
use axum::{body::Body, http::Response};
use domain::repository::{Compact, PointInTime};
use index::Repositories;

use super::{access::ServedRepository, epoch::Epoch, files::no_point};

/// When a client of an empty repository should ask again.
const UNPUBLISHED_RETRY_SECONDS: u32 = 30;

/// The line for the publication that `point` means, which is named by its time: that holds for every log.
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
