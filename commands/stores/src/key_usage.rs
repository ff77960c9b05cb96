//! Key usage: when each key was used, and which packages were downloaded with it. It is stored in a separate file, not
//! in the log.
//!
//! No decision depends on a use, and there may be thousands a second: uses are counted in memory, written in batches,
//! and deleted after [`KEPT_DAYS`]. A request never waits for it; uses that cannot be stored are dropped, and the
//! drops are counted. See decision 0018.

mod collect;
mod queries;
mod store;
#[cfg(test)]
mod tests;

use std::{io, path::Path};

use chrono::{DateTime, Utc};
use domain::{digest::Sha256, ids::AccessKeyId};
use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot};

use self::store::Store;

pub use self::{
    collect::WAITING_MAX,
    queries::{FETCHED_PAGE_MAX, Fetch, Seen},
};

/// Counts uses and answers queries about them. Cheap to clone.
#[derive(Clone)]
pub struct KeyUsage {
    readers: SqlitePool,
    sender: mpsc::Sender<Message>,
}

/// A use of a key.
#[derive(Debug, Clone, Copy)]
struct Use {
    key: AccessKeyId,
    /// The package that was fetched with it; none if it was an index.
    package: Option<Sha256>,
    at: DateTime<Utc>,
}

/// The counter of uses that could not be stored. It exists from the start, so that an alert can watch for its rise.
pub const DROPPED_TOTAL: &str = "pkgdeploy_uses_dropped_total";

enum Message {
    Used(Use),
    /// Write everything to the disk, then answer.
    Flush(oneshot::Sender<()>),
}

impl KeyUsage {
    /// Opens or creates the file at `path`, with the worker that writes it.
    ///
    /// # Errors
    /// The file cannot be opened as a SQLite database.
    pub async fn open(
        path: impl AsRef<Path>,
        clock: fn() -> DateTime<Utc>,
    ) -> Result<(Self, impl Future<Output = ()> + Send + 'static), sqlx::Error> {
        let (store, readers) = Store::open(path.as_ref()).await?;
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        Ok((Self { readers, sender }, collect::run(store, receiver, clock)))
    }

    /// The counts in the file at `path`, which another process writes. Here nothing is counted.
    #[must_use]
    pub fn read_only(path: &Path) -> Self {
        Self { readers: store::readers(path), sender: mpsc::channel(1).0 }
    }

    /// A key was used, to fetch a package or to read an index. Never waits.
    pub fn used(&self, key: AccessKeyId, package: Option<Sha256>, at: DateTime<Utc>) {
        if self.sender.try_send(Message::Used(Use { key, package, at })).is_err() {
            metrics::counter!(DROPPED_TOTAL).increment(1);
        }
    }

    /// Returns when everything that was used before is written.
    ///
    /// # Errors
    /// The worker has ended.
    pub async fn flush(&self) -> io::Result<()> {
        let (done, written) = oneshot::channel();
        let ended = |_| io::Error::other("the worker that writes the uses of access keys has ended");
        self.sender.send(Message::Flush(done)).await.map_err(|_| ended(()))?;
        written.await.map_err(|_| ended(()))
    }
}
