//! Copies the blobs that events name into an archive.

use std::collections::HashSet;

use domain::{
    digest::Sha256,
    event::{BlobKind, DecodeError, blobs as named_blobs, decode},
    recorded::{RawEvent, Recorded},
};
use formats::segmented_file::Manifest as Segmented;
use stores::blobs::{BlobError, Blobs};

use super::{ArchiveError, ArchiveFolder, BlobsPart, HowBlobs, LogFile};

/// The blobs that an event names; `line` is its number, for error messages.
///
/// # Errors
/// A newer version wrote the event.
pub fn blobs_of(event: &Recorded<RawEvent>, line: u64) -> Result<Vec<(Sha256, BlobKind)>, ArchiveError> {
    match decode(&event.event) {
        Ok(event) => Ok(named_blobs(&event)),
        // A version that knows the event would copy more.
        Err(DecodeError::Unknown { .. } | DecodeError::Newer { .. } | DecodeError::Malformed { .. }) => {
            Err(ArchiveError::Newer { line, name: event.event.name.clone() })
        }
    }
}

/// The blobs that were named so far. Nothing is copied until the log is known to be the archive's: blobs of another server or
/// organisation must not get into it.
pub struct NamedBlobs<'a> {
    folder: &'a ArchiveFolder,
    blobs: &'a Blobs,
    how: HowBlobs,
    waiting: Vec<(Sha256, BlobKind)>,
    seen: HashSet<Sha256>,
    part: BlobsPart,
}

impl<'a> NamedBlobs<'a> {
    /// Starts without blobs. They are copied from `blobs` to `folder`.
    #[must_use]
    pub fn new(folder: &'a ArchiveFolder, blobs: &'a Blobs, how: HowBlobs) -> Self {
        Self { folder, blobs, how, waiting: Vec::new(), seen: HashSet::new(), part: BlobsPart::default() }
    }

    /// What was copied, once the log has ended. What else lies among the blobs, after an interrupted run, is removed,
    /// unless a blob is missing.
    ///
    /// # Errors
    /// An I/O error.
    pub async fn finish(mut self) -> Result<BlobsPart, ArchiveError> {
        self.put_waiting().await?;
        // The parts of a lost segmented file are unknown: an earlier run may have copied them.
        if self.part.missing.is_empty() {
            self.folder.keep_blobs(&self.seen)?;
        }
        Ok(self.part)
    }

    /// Copies the blobs that the next line of the log names, with their segments, once `log` is known to continue the archive's. A lost
    /// or damaged blob is listed as missing.
    ///
    /// # Errors
    /// An I/O error.
    pub(crate) async fn put_all(&mut self, named: Vec<(Sha256, BlobKind)>, log: &LogFile) -> Result<(), ArchiveError> {
        self.waiting.extend(named);
        if log.is_continuation() {
            self.put_waiting().await?;
        }
        Ok(())
    }

    async fn put_waiting(&mut self) -> Result<(), ArchiveError> {
        for (digest, kind) in std::mem::take(&mut self.waiting) {
            self.put(digest, kind).await?;
        }
        Ok(())
    }

    async fn put(&mut self, digest: Sha256, kind: BlobKind) -> Result<(), ArchiveError> {
        if !self.put_one(digest).await? || kind == BlobKind::Whole {
            return Ok(());
        }
        // `verify` reports what is not a segmented file; its bytes are copied as they are.
        let segmented_file = Segmented::parse(&self.blobs.get(digest).await?).unwrap_or_default();
        for piece in segmented_file.blobs() {
            self.put_one(piece).await?;
        }
        Ok(())
    }

    /// Whether it was copied now.
    async fn put_one(&mut self, digest: Sha256) -> Result<bool, ArchiveError> {
        if !self.seen.insert(digest) {
            return Ok(false);
        }
        match self.folder.put_blob(self.blobs, digest, self.how).await {
            Ok(bytes) => {
                self.part.count += 1;
                self.part.bytes += bytes;
                Ok(true)
            }
            // The other blobs are copied nevertheless.
            Err(ArchiveError::Blob(BlobError::NotFound { .. } | BlobError::Corrupt { .. })) => {
                self.part.missing.insert(digest);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
