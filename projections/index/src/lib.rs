//! Repositories as clients see them: which state can be signed next, and which file is at which URL.
//!
//! 1. `PackageAdded` becomes a row with the package's rendered fragments ([`projector`]).
//! 2. The signer asks [`Repositories::due`], and for each of them a [`Candidate`](ports::candidates::Candidate):
//!    the rendered, compressed and stored index of the newest state.
//! 3. `IndexSigned` promotes that state, if rendering it here gives the digest that was signed; what another
//!    [`RENDERER`] rendered is accepted as it was recorded. One row flips, and [`Repositories::locate`] answers from
//!    the new publication.
//!
//! Nothing here reads a clock: time comes from the events.

mod by_hash;
mod candidate;
mod changes;
mod diff;
mod difference;
mod history;
mod index_renderer;
mod locate;
mod projector;
mod publication;
mod renderer_cache;
mod rows;
mod served_index;
mod signable;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod unwritten_rows;
mod writes;

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    fingerprint::Fingerprint,
    ids::RepositoryId,
    package::Format,
    recorded::Revision,
    repository::{PointInTime, YankReason},
};
use ports::blob_store::BlobStore;
use sqlx::SqlitePool;
use tokio::sync::watch;

pub(crate) use self::renderer_cache::TEXT_IN_MEMORY_MAX_BYTES;
pub use self::{
    candidate::CandidateError,
    changes::Fixed,
    diff::{Change, Difference, DifferenceCursor},
    history::{HISTORY_PAGE_MAX, History, HistoryError, PointError, Published, Snapshot},
    locate::Located,
    projector::RepositoriesProjector,
};

use self::{renderer_cache::RendererCache, served_index::ServedIndexes};

/// The projector's name: in checkpoints, and to wait for.
pub const REPOSITORIES: &str = "repositories";
/// The version of the code that renders indexes. Goes up with every change of what a state renders to, down to a byte,
/// compression aside. What it and its predecessors rendered is rendered again to compare; what a newer one rendered is
/// taken as it was recorded (see decision 0006). Version 2 says beside the packages what [`domain::repository::Stated`]
/// has.
pub const RENDERER: u32 = 2;

/// Read access to repositories. Cheap to clone.
#[derive(Clone)]
pub struct Repositories {
    readers: SqlitePool,
    history: History,
    blobs: Arc<dyn BlobStore>,
    renderers: Arc<RendererCache>,
    served_indexes: Arc<ServedIndexes>,
    changed: watch::Sender<u64>,
}

/// The read side and the projector that feeds it.
#[must_use]
pub fn repositories(readers: SqlitePool, blobs: Arc<dyn BlobStore>) -> (Repositories, RepositoriesProjector) {
    repositories_within(readers, blobs, TEXT_IN_MEMORY_MAX_BYTES)
}

fn repositories_within(
    readers: SqlitePool,
    blobs: Arc<dyn BlobStore>,
    text_max_bytes: usize,
) -> (Repositories, RepositoriesProjector) {
    let repositories = Repositories {
        history: History::new(readers.clone()),
        readers,
        blobs,
        renderers: Arc::new(RendererCache::new(text_max_bytes)),
        served_indexes: Arc::default(),
        changed: watch::Sender::new(0),
    };
    (repositories.clone(), RepositoriesProjector::new(repositories))
}

impl Repositories {
    /// What was fixed when `repository` was created; none if it was not.
    #[must_use]
    pub fn fixed(&self, repository: RepositoryId) -> Option<Fixed> {
        Some(self.served_indexes.get(repository)?.fixed())
    }

    /// The repositories whose newest state is not signed by exactly the keys with these full fingerprints.
    #[must_use]
    pub fn due(&self, signers: &BTreeSet<Fingerprint>) -> Vec<RepositoryId> {
        self.served_indexes.due(signers)
    }

    /// Whether `repository` is one of those that [`Self::due`] gives.
    #[must_use]
    pub fn is_due(&self, repository: RepositoryId, signers: &BTreeSet<Fingerprint>) -> bool {
        self.served_indexes.get(repository).is_some_and(|served_index| served_index.is_due(signers))
    }

    /// The repositories of that format, and the last change of what each holds.
    #[must_use]
    pub fn of(&self, format: Format) -> Vec<(RepositoryId, Revision)> {
        self.served_indexes.of(format)
    }

    /// Changes whenever a repository changed or was published: the signer's alarm clock.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Why the package in that file is yanked, if it is.
    #[must_use]
    pub fn yanked(&self, repository: RepositoryId, sha256: &Sha256) -> Option<YankReason> {
        self.served_indexes.get(repository)?.yanked(sha256)
    }

    /// The state that clients see: every event up to this revision; none before the first publication.
    #[must_use]
    pub fn covers(&self, repository: RepositoryId) -> Option<Revision> {
        self.served_indexes.get(repository)?.newest().map(|publication| publication.covers)
    }

    /// Returns when clients see a state that covers `revision`. Waits for ever if it is never signed: give it a
    /// timeout.
    pub async fn wait_covers(&self, repository: RepositoryId, revision: Revision) {
        let mut changes = self.changes();
        while self.covers(repository).is_none_or(|covers| covers < revision) {
            // The sender exists as long as `self`.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Returns when clients see a publication that is not older than `published_at`. Waits for ever if there is none.
    pub(crate) async fn wait_published(&self, repository: RepositoryId, published_at: DateTime<Utc>) {
        let mut changes = self.changes();
        while self.newest_point(repository).is_none_or(|newest| newest < published_at) {
            // The sender exists as long as `self`.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// When the publication that `point` means was published; none if there is no such point.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn published_at(
        &self,
        repository: RepositoryId,
        point: &PointInTime,
    ) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        if *point == PointInTime::Newest {
            return Ok(self.newest_point(repository));
        }
        Ok(self.history.publication(repository, point).await?.map(|published| published.published_at))
    }

    /// Every publication there ever was.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// When the publication that clients see was published: the point that YUM's mirror list names.
    #[must_use]
    pub fn newest_point(&self, repository: RepositoryId) -> Option<DateTime<Utc>> {
        self.served_indexes.get(repository)?.newest().map(|publication| publication.published_at)
    }
}
