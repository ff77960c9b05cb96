//! Receives uploads.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use api_http::problem::Problem;
use axum::body::Body;
use domain::error_chain::ErrorChain;
use formats::packaging::PACKAGE_MAX_BYTES;
use futures::StreamExt as _;
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt as _,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// The maximum number of concurrent uploads. Each may take the size of a package on disk.
pub(crate) const UPLOADS_MAX: usize = 32;
/// The time to retry when there are too many uploads.
const UPLOADS_RETRY_SECONDS: u32 = 5;
/// The time limit of an upload: the largest package at 10 Mbit/s.
const RECEIVED_WITHIN: Duration = Duration::from_secs(3_600);
/// How long an upload may stall.
const STALLED_MAX: Duration = Duration::from_secs(60);

/// The folder for unfinished uploads, and their limit. Cheap to clone.
#[derive(Clone)]
pub struct IncomingFolder {
    path: Arc<PathBuf>,
    uploads: Arc<Semaphore>,
}

/// A received body, in a folder that is deleted when this is dropped.
pub(super) struct Incoming {
    folder: TempDir,
    // Released once the folder is deleted.
    _permit: OwnedSemaphorePermit,
}

impl IncomingFolder {
    /// An existing folder, for up to [`UPLOADS_MAX`] uploads.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path: Arc::new(path), uploads: Arc::new(Semaphore::new(UPLOADS_MAX)) }
    }

    /// Receives `body`, unless there are too many uploads.
    pub(super) async fn receive(&self, body: Body) -> Result<Incoming, Problem> {
        let permit = self.uploads.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Problem::TooManyRequests { retry_after_seconds: UPLOADS_RETRY_SECONDS })?;
        let late = |_| Problem::TimedOut { limit_seconds: RECEIVED_WITHIN.as_secs() };
        timeout(RECEIVED_WITHIN, Incoming::receive(&self.path, permit, body)).await.map_err(late)?
    }
}

impl Incoming {
    /// Receives `body` into a new folder below `incoming`.
    async fn receive(incoming: &Path, permit: OwnedSemaphorePermit, body: Body) -> Result<Self, Problem> {
        let failed =
            |error: std::io::Error| Problem::internal("store the uploaded file on the server's disk")(error.into());
        let received = Self { folder: TempDir::new_in(incoming).map_err(failed)?, _permit: permit };
        let mut file = tokio::fs::File::create(received.path()).await.map_err(failed)?;
        let mut stream = body.into_data_stream();
        let mut size_bytes = 0;
        let stalled = |_| Problem::TimedOut { limit_seconds: STALLED_MAX.as_secs() };
        while let Some(chunk) = timeout(STALLED_MAX, stream.next()).await.map_err(stalled)? {
            let chunk = chunk
                .map_err(|error| Problem::BadRequest(format!("the upload was interrupted: {}", ErrorChain(&error))))?;
            size_bytes += chunk.len() as u64;
            if size_bytes > PACKAGE_MAX_BYTES {
                let limit_bytes = usize::try_from(PACKAGE_MAX_BYTES).unwrap_or(usize::MAX);
                return Err(Problem::TooLarge { limit_bytes });
            }
            file.write_all(&chunk).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        Ok(received)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("package")
    }
}
