//! An upload on its way to the blob store.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use axum::body::Body;
use commands::packaging::PACKAGE_MAX_BYTES;
use futures::StreamExt as _;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, time::timeout};

use crate::http::problem::Problem;

/// How long an upload may bring nothing before it is given up.
const STALLED_MAX: Duration = Duration::from_secs(60);

/// A received body, in a folder that goes with this value.
pub(super) struct Incoming {
    folder: TempDir,
}

impl Incoming {
    /// Receives `body` into a new folder below `incoming`.
    pub(super) async fn receive(incoming: &Path, body: Body) -> Result<Self, Problem> {
        let failed = |error: std::io::Error| Problem::internal("keep the upload")(error.into());
        let received = Self { folder: TempDir::new_in(incoming).map_err(failed)? };
        let mut file = tokio::fs::File::create(received.path()).await.map_err(failed)?;
        let mut stream = body.into_data_stream();
        let mut size_bytes = 0;
        let stalled = |_| Problem::TimedOut { limit_seconds: STALLED_MAX.as_secs() };
        while let Some(chunk) = timeout(STALLED_MAX, stream.next()).await.map_err(stalled)? {
            let chunk = chunk.map_err(|error| Problem::BadRequest(format!("the upload broke off: {error}")))?;
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
