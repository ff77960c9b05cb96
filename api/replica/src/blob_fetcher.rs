//! Downloads blobs: the blobs that an event names are stored before the event is recorded.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashSet},
    path::Path,
};

use domain::digest::Sha256;
use formats::segmented_file::Manifest as Segmented;
use futures::{StreamExt as _, future::BoxFuture, stream};
use stores::blobs::{BlobError, Blobs};

use super::{ReplicaError, state::Missing};

/// How many blobs are downloaded at the same time. Most are small, so latency dominates.
const AT_ONCE_MAX: usize = 8;
/// How many checked blobs are remembered, at 32 bytes each. When the list is full it is cleared, and blobs are checked again.
const SEEN_MAX: usize = 1_000_000;

/// A source of blobs.
pub(super) trait BlobSource: Send + Sync {
    /// Writes the blob `digest`, which the event of that entry names, to `to`, and checks its digest. The caller must flush it to disk.
    /// Returns false if the source has lost the blob, which is reported elsewhere.
    fn fetch<'a>(&'a self, entry: u64, digest: Sha256, to: &'a Path) -> BoxFuture<'a, Result<bool, ReplicaError>>;
}

/// A blob that an entry names.
pub(super) type Named = Missing;

/// Downloads blobs into a replica's store.
pub(super) struct BlobFetcher {
    blobs: Blobs,
    seen: HashSet<Sha256>,
    missing: BTreeSet<Missing>,
}

/// The result for one blob.
enum Brought {
    WasHere,
    Came,
    IsLost(Missing),
}

impl BlobFetcher {
    /// Downloads into `blobs`. `missing` are blobs that are known to be lost at the source.
    pub(super) fn new(blobs: Blobs, missing: BTreeSet<Missing>) -> Self {
        Self { blobs, seen: HashSet::new(), missing }
    }

    /// Blobs that are lost at the source.
    pub(super) fn missing(&self) -> &BTreeSet<Missing> {
        &self.missing
    }

    /// Downloads these blobs and their segments. Returns whether anything was downloaded.
    pub(super) async fn bring(&mut self, named: Vec<Named>, source: &dyn BlobSource) -> Result<bool, ReplicaError> {
        if self.seen.len() >= SEEN_MAX {
            self.seen.clear();
        }
        let brought = self.bring_unseen(named, source).await;
        if brought.is_err() {
            // Some of them were not reached. The next attempt checks all of them.
            self.seen.clear();
        }
        brought
    }

    /// Downloads missing blobs that `source` has again, and returns their number.
    pub(super) async fn bring_missing(&mut self, source: &dyn BlobSource) -> Result<usize, ReplicaError> {
        let before = self.missing.clone();
        for missing in &before {
            self.seen.remove(&missing.sha256);
        }
        self.bring(before.iter().copied().collect(), source).await?;
        let mut found = 0;
        for missing in before {
            if self.blobs.contains(missing.sha256).await? {
                self.missing.remove(&missing);
                found += 1;
            }
        }
        Ok(found)
    }

    async fn bring_unseen(&mut self, named: Vec<Named>, source: &dyn BlobSource) -> Result<bool, ReplicaError> {
        let unseen: Vec<Named> = named.into_iter().filter(|one| self.seen.insert(one.sha256)).collect();
        let segmented_files: Vec<Named> = unseen.iter().filter(|one| one.is_segmented_file).copied().collect();
        let came = self.fetch_all(unseen, source).await?;
        let mut pieces = Vec::new();
        for Named { sha256, entry, .. } in segmented_files {
            if self.blobs.contains(sha256).await? {
                let segmented_file = Segmented::parse(&self.blobs.get(sha256).await?).unwrap_or_default();
                let unseen = segmented_file.blobs().filter(|piece| self.seen.insert(*piece));
                pieces.extend(unseen.map(|sha256| Named { sha256, entry, is_segmented_file: false }));
            }
        }
        Ok(came | self.fetch_all(pieces, source).await?)
    }

    async fn fetch_all(&mut self, named: Vec<Named>, source: &dyn BlobSource) -> Result<bool, ReplicaError> {
        let fetches = named.into_iter().map(|one| fetch(&self.blobs, one, source));
        let mut fetched = stream::iter(fetches.collect::<Vec<_>>()).buffer_unordered(AT_ONCE_MAX);
        let mut came = false;
        while let Some(brought) = fetched.next().await {
            match brought? {
                Brought::WasHere => {}
                Brought::Came => came = true,
                Brought::IsLost(missing) => {
                    self.missing.insert(missing);
                }
            }
        }
        Ok(came)
    }
}

fn fetch<'a>(
    blobs: &'a Blobs,
    named: Named,
    source: &'a dyn BlobSource,
) -> BoxFuture<'a, Result<Brought, ReplicaError>> {
    Box::pin(async move {
        let Named { sha256, entry, .. } = named;
        // A power cut may have truncated it.
        if blobs.contains(sha256).await? && blobs.check(sha256).await.is_ok() {
            return Ok(Brought::WasHere);
        }
        let to = blobs.local_path(sha256).ok_or(BlobError::NotFound { digest: sha256 })?;
        match source.fetch(entry, sha256, &to).await? {
            true => Ok(Brought::Came),
            false => Ok(Brought::IsLost(named)),
        }
    })
}
