//! `GET /api/v1/releases/{release}` and `…/log`: the state of a release, and its build logs.

use std::path::{Path as FilePath, PathBuf};

use api_http::{auth::Reader, problem::Problem};
use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use commands::releases::live_log;
use domain::ids::ReleaseId;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use projections::dashboard::{Dashboard, Release, ReleaseState};
use stores::blobs::Blobs;

use super::answer::ReleaseAnswers;

/// Where build logs are stored.
#[derive(Clone)]
pub struct ReleaseLogs {
    /// Which logs a release has.
    pub dashboard: Dashboard,
    /// The logs of finished builds.
    pub blobs: Blobs,
    /// The folder where running builds write their logs.
    pub jobs: PathBuf,
}

pub(super) async fn release(
    State(answers): State<ReleaseAnswers>,
    reader: Reader,
    Path(release): Path<String>,
) -> Result<Response, Problem> {
    let row = readable(&answers.dashboard, reader, &release).await?;
    Ok(Json(answers.of(row).await?).into_response())
}

/// The logs of the release's packages, one after the other. The log of a running build is included as far as it is written.
pub(super) async fn log(
    State(ReleaseLogs { dashboard, blobs, jobs }): State<ReleaseLogs>,
    reader: Reader,
    Path(release): Path<String>,
) -> Result<Response, Problem> {
    let row = readable(&dashboard, reader, &release).await?;
    let logs = dashboard.logs(row.id).await?;
    let running = match row.state {
        ReleaseState::Running => running_log(&jobs, row.id, logs.len()).await,
        ReleaseState::Uploaded | ReleaseState::Failed | ReleaseState::Cancelled => Bytes::new(),
    };
    // One after the other, in pieces: thirty-two logs of 16 MiB do not fit into the memory of a busy server.
    let kept = stream::iter(logs)
        .then(move |digest| {
            let blobs = blobs.clone();
            async move { blobs.open(digest, None).await.map(|blob| blob.bytes) }
        })
        .try_flatten();
    let body = Body::from_stream(kept.chain(stream::iter([Ok(running)])));
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, body).into_response())
}

/// The log of the package that is being built now, which is the one after those that are done.
async fn running_log(jobs: &FilePath, release: ReleaseId, done: usize) -> Bytes {
    tokio::fs::read(live_log(jobs, release, done)).await.unwrap_or_default().into()
}

/// A release that the reader may not see is answered like one that does not exist.
async fn readable(dashboard: &Dashboard, reader: Reader, id: &str) -> Result<Release, Problem> {
    let unknown = || Problem::NotFound("there is no such release".to_owned());
    let id: ReleaseId = id.parse().map_err(|_| unknown())?;
    dashboard.release(id).await?.filter(|row| reader.may_read(row.project)).ok_or_else(unknown)
}
