//! The next publication of a repository, complete except for its signatures.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{fingerprint::Fingerprint, ids::RepositoryId, package::Format, recorded::Revision, repository::Stated};
use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use ports::{
    BoxError,
    blob_store::BlobStoreError,
    candidates::{Candidate, Candidates},
};
use tokio::sync::watch;

use super::{RENDERER, Repositories, rows, signable::Signable};

/// How many blobs of one candidate are stored at the same time: each waits for the disk.
const PUTS_AT_ONCE: usize = 16;

/// A candidate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CandidateError {
    /// The read models do not have it (yet).
    #[error("there is no repository {0}")]
    UnknownRepository(RepositoryId),
    /// The read models cannot be read.
    #[error("cannot read the read models (tables built from the event log)")]
    Rows(#[from] sqlx::Error),
    /// A file could not be stored.
    #[error("cannot store an index file of the repository")]
    Blob(#[from] BlobStoreError),
    /// Rendering stopped half-way: a defect.
    #[error("cannot render the index files of the repository: {0}")]
    Rendering(String),
}

impl Repositories {
    /// Renders, compresses and stores the index of the newest state of `repository`. A state that is published
    /// already is rendered again because the keys changed at `keys_changed_at`. The signed text says `stated` too.
    ///
    /// For one package more than last time this costs the last segment's compression, and for YUM the hashing of all
    /// documents. The first time in a process everything is compressed.
    ///
    /// # Errors
    /// See [`CandidateError`]. Blobs stored by then are only unused space.
    pub async fn candidate(
        &self,
        repository: RepositoryId,
        keys_changed_at: DateTime<Utc>,
        stated: Stated,
    ) -> Result<Candidate, CandidateError> {
        let unknown = || CandidateError::UnknownRepository(repository);
        let served_index = self.served_indexes.get(repository).ok_or_else(unknown)?;
        let (covers, published_at) = served_index.next_publication(keys_changed_at.timestamp());
        let mut rows = self.readers.acquire().await?;
        let renderer = self.renderers.caught_up(&mut rows, repository, covers).await?;
        drop(rows);
        let mut renderer = renderer.ok_or_else(unknown)?;

        let (packed, signable, stated) = tokio::task::spawn_blocking(move || {
            let renderer = renderer.as_mut()?;
            let packed = renderer.pack(covers);
            let signable = renderer.signable(covers, rows::time(published_at), &packed.files, &stated);
            Some((packed, signable, stated))
        })
        .await
        .map_err(|error| CandidateError::Rendering(error.to_string()))?
        .ok_or_else(unknown)?;
        let Signable { path, text } = signable.map_err(CandidateError::Rendering)?;

        stream::iter(packed.blobs)
            .map(|blob| self.blobs.put(blob))
            .buffer_unordered(PUTS_AT_ONCE)
            .try_for_each(|_digest| async { Ok(()) })
            .await?;
        if let Some(renderer) = self.renderers.loaded(repository).await.as_deref_mut().and_then(Option::as_mut) {
            renderer.confirm_stored(packed.era, packed.full_segments);
        }
        Ok(Candidate {
            repository,
            format: served_index.fixed().format,
            covers,
            published_at: rows::time(published_at),
            signed_path: path,
            text,
            files: packed.files,
            renderer: RENDERER,
            stated,
        })
    }
}

impl Candidates for Repositories {
    fn due(&self, signers: &BTreeSet<Fingerprint>) -> Vec<RepositoryId> {
        self.due(signers)
    }

    fn is_due(&self, repository: RepositoryId, signers: &BTreeSet<Fingerprint>) -> bool {
        self.is_due(repository, signers)
    }

    fn yum(&self) -> Vec<(RepositoryId, Revision)> {
        self.of(Format::Rpm)
    }

    fn candidate(
        &self,
        repository: RepositoryId,
        signers_changed_at: DateTime<Utc>,
        stated: Stated,
    ) -> BoxFuture<'_, Result<Candidate, BoxError>> {
        Box::pin(async move { Ok(self.candidate(repository, signers_changed_at, stated).await?) })
    }

    fn promoted(&self, repository: RepositoryId, published_at: DateTime<Utc>) -> BoxFuture<'_, ()> {
        Box::pin(self.wait_published(repository, published_at))
    }

    fn wake(&self) -> watch::Receiver<u64> {
        self.changes()
    }
}
