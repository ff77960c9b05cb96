//! Work that waits for the disk, or computes for long, outside the runtime's own threads.

use tokio::task::{JoinError, spawn_blocking};

/// The work panicked, or the program is shutting down.
#[derive(Debug, thiserror::Error)]
#[error("a background task crashed or was cancelled")]
pub struct BrokeOff(#[from] JoinError);

/// Runs `work` on a thread on which it may block.
///
/// # Errors
/// See [`BrokeOff`].
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, BrokeOff> {
    Ok(spawn_blocking(work).await?)
}
