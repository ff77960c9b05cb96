//! The blobs that events name, on their way into an archive.

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

/// The blobs that were named so far. Nothing is copied before the log is known to be that of the archive: another server's, or
/// another organisation's, have no business there.
pub struct NamedBlobs<'a> {
    folder: &'a ArchiveFolder,
    blobs: &'a Blobs,
    how: HowBlobs,
    waiting: Vec<(Sha256, BlobKind)>,
    seen: HashSet<Sha256>,
    part: BlobsPart,
}

impl<'a> NamedBlobs<'a> {
    /// None yet. They come from `blobs` into `folder`.
    #[must_use]
    pub fn new(folder: &'a ArchiveFolder, blobs: &'a Blobs, how: HowBlobs) -> Self {
        Self { folder, blobs, how, waiting: Vec::new(), seen: HashSet::new(), part: BlobsPart::default() }
    }

    /// What was copied, once the log has ended. What else lies among the blobs, after an interrupted run, is removed,
    /// unless a blob is missing.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn finish(mut self) -> Result<BlobsPart, ArchiveError> {
        self.put_waiting().await?;
        // What a list that is lost here consists of is not known: an earlier run may have copied it.
        if self.part.missing.is_empty() {
            self.folder.keep_blobs(&self.seen)?;
        }
        Ok(self.part)
    }

    /// Copies the blobs that the log's line after those before names, with what they are made of, as soon as `log` is known to
    /// be a continuation. One that is lost or damaged is named as missing.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn put_all(&mut self, named: Vec<(Sha256, BlobKind)>, log: &LogFile) -> Result<(), ArchiveError> {
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

    /// Whether it is there now, and was not before.
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
            // The rest is worth keeping all the more.
            Err(ArchiveError::Blob(BlobError::NotFound { .. } | BlobError::Corrupt { .. })) => {
                self.part.missing.insert(digest);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
