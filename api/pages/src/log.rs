//! `/releases/{release}/log`: the end of a release's build log. The release's page polls it while the build runs.

use std::{io::SeekFrom, path::Path as FilePath, sync::Arc};

use api_http::problem::Problem;
use axum::{
    extract::{Path, State},
    http::{HeaderName, header},
    response::{IntoResponse as _, Response},
};
use commands::releases::live_log;
use domain::ids::ReleaseId;
use futures::TryStreamExt as _;
use projections::dashboard::{Dashboard, Release, ReleaseState};
use stores::blobs::Blobs;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};

use super::problem::{PageProblem, not_found};

/// How many bytes of a log's end are shown, and loaded by each poll.
pub(super) const TAIL_MAX_BYTES: u64 = 128 * 1024;
/// The response header with the release's progress. The page reloads itself when it changes.
const PROGRESS: HeaderName = HeaderName::from_static("pkgdeploy-progress");

/// Where build logs are stored.
#[derive(Clone)]
pub struct BuildLogs {
    /// Which logs a release has.
    pub dashboard: Dashboard,
    /// The logs of finished builds.
    pub blobs: Blobs,
    /// The folder where running builds write their logs.
    pub jobs: Arc<FilePath>,
}

/// The end of a release's log.
pub(super) struct Tail {
    pub(super) text: String,
    /// How many bytes precede it.
    pub(super) has_more: bool,
    /// Changes whenever the page has something new to show besides the log.
    pub(super) progress: String,
}

/// `GET /releases/{release}/log`.
pub(super) async fn log(State(logs): State<BuildLogs>, Path(release): Path<String>) -> Result<Response, PageProblem> {
    let id: ReleaseId = release.parse().map_err(|_| not_found("release"))?;
    let release = logs.dashboard.release(id).await?.ok_or_else(|| not_found("release"))?;
    let Tail { text, progress, .. } = logs.tail(&release).await?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (PROGRESS, progress)];
    Ok((headers, text).into_response())
}

impl BuildLogs {
    /// The last [`TAIL_MAX_BYTES`] of the logs of all packages, in the order in which they were built.
    pub(super) async fn tail(&self, release: &Release) -> Result<Tail, PageProblem> {
        let done = self.dashboard.logs(release.id).await?;
        let progress = format!("{}.{}.{}", release.state.as_str(), release.step.as_str(), done.len());
        let unreadable = Problem::internal("read the log");
        let read = async {
            let mut pieces: Vec<Vec<u8>> = Vec::new();
            let (mut room, mut has_more) = (TAIL_MAX_BYTES, false);
            if release.state == ReleaseState::Running {
                let (size_bytes, piece) = end_of(&live_log(&self.jobs, release.id, done.len()), room).await;
                (room, has_more) = (room.saturating_sub(size_bytes), size_bytes > room);
                pieces.push(piece);
            }
            for digest in done.iter().rev() {
                if room == 0 {
                    has_more = true;
                    break;
                }
                let size_bytes = self.blobs.size(*digest).await?;
                if size_bytes > 0 {
                    let blob = self.blobs.open(*digest, Some(size_bytes.saturating_sub(room)..size_bytes)).await?;
                    pieces.push(blob.bytes.try_collect::<Vec<_>>().await?.concat());
                }
                (room, has_more) = (room.saturating_sub(size_bytes), has_more || size_bytes > room);
            }
            pieces.reverse();
            let text = String::from_utf8_lossy(&pieces.concat()).into_owned();
            Ok::<_, stores::blobs::BlobError>(Tail { text, has_more, progress })
        };
        Ok(read.await.map_err(|error| unreadable(error.into()))?)
    }
}

/// The length and the last `max_bytes` bytes of a file that may grow or be deleted at the same time.
async fn end_of(path: &FilePath, max_bytes: u64) -> (u64, Vec<u8>) {
    let read = async {
        let mut file = File::open(path).await?;
        let size_bytes = file.metadata().await?.len();
        file.seek(SeekFrom::Start(size_bytes.saturating_sub(max_bytes))).await?;
        let mut end = Vec::new();
        file.take(max_bytes).read_to_end(&mut end).await?;
        std::io::Result::Ok((size_bytes, end))
    };
    read.await.unwrap_or_default()
}
