//! Backups: a copy of everything that a server cannot make again, taken while it works, and brought back into an empty folder.
//!
//! The log comes first: its head at one moment says what the backup is a backup of. Blobs never change and are there before
//! the events that name them, so they can be copied at any time after that. Sealed secrets come and go: see [`sealed`].

mod restore;
mod sealed;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs::File,
    path::Path,
};

use chrono::{DateTime, Utc};
use commands::{
    blobs::{BlobError, Blobs},
    event_store::{EventStore, Filter, PAGE_EVENTS_MAX, ReadError},
};
use domain::{
    canonical,
    digest::Sha256,
    event::{BlobKind, DecodeError, blobs as named_blobs, decode},
    recorded::{Position, RawEvent, Recorded},
};
use projections::rope::Manifest as Rope;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

pub use self::restore::{RestoreError, Restored, check_empty, restore};
use crate::{
    archive::{ArchiveError, ArchiveFolder, BlobsPart, FilePart, Format, HowBlobs, Manifest, Step, Watch, io},
    data_folder::DataFolder,
};

/// The sealed secrets, by their ids.
const SECRETS: &str = "secrets";
/// What was signed last of each transparency log.
const SIGNED_LOGS: &str = "signed_logs";
/// Who used which key when.
const USES: &str = "uses.sqlite";
/// What unseals the secrets. Only there if it was asked for.
const MASTER_KEY: &str = "master.key";

const COPYING: Step = Step { words: "Copying events and blobs", unit: "events" };

/// What is backed up.
pub struct Sources<'a> {
    /// The log. It is only read.
    pub log: &'a dyn EventStore,
    /// The blobs that its events name.
    pub blobs: &'a Blobs,
    /// The rest.
    pub data: &'a DataFolder,
}

/// What the operator decides.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether the master key is copied too: then whoever has the backup has every secret.
    pub with_master_key: bool,
    /// How blobs are copied.
    pub blobs: HowBlobs,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The backup cannot be written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The file cannot be copied while it is written.
    #[error("cannot copy {USES}")]
    Uses(#[from] sqlx::Error),
}

/// Backs up into the folder `to`: a new one, or one that holds an earlier backup of the same server, to which only what is new is
/// added. Until it returns, the earlier backup is whole. `now` is when the backup is said to be made.
///
/// # Errors
/// See [`BackupError`]. A blob that is lost or damaged is no error: the manifest names it.
pub async fn backup(
    sources: &Sources<'_>,
    to: &Path,
    options: Options,
    now: DateTime<Utc>,
    watch: Watch<'_>,
) -> Result<Manifest, BackupError> {
    let Sources { log, blobs, data } = sources;
    let folder = ArchiveFolder::open(to, Format::Backup, &[SECRETS, SIGNED_LOGS, USES, MASTER_KEY])?;
    let mut files = BTreeMap::new();
    // Before the head is read: what was signed is a state that the log has at its head, or an earlier one.
    sealed::copy_all(&data.signed_logs(), SIGNED_LOGS, &folder, &mut files)?;
    sealed::copy_all(&data.secrets(), SECRETS, &folder, &mut files)?;
    let head = log.head().await?;
    sealed::copy_all(&data.secrets(), SECRETS, &folder, &mut files)?;
    copy_uses(data, &folder, &mut files).await?;
    if options.with_master_key {
        let key = data.master_key();
        let mut from = File::open(key).map_err(io("read", key))?;
        files.insert(MASTER_KEY.to_owned(), folder.put(MASTER_KEY, &mut from)?);
    }

    let mut lines = folder.log()?;
    let mut named =
        Named { folder: &folder, blobs, how: options.blobs, seen: HashSet::new(), part: BlobsPart::default() };
    let mut after = Position(0);
    while after < head {
        let page = log.read_all(after, &Filter::all(), PAGE_EVENTS_MAX).await?;
        if page.next <= after {
            break;
        }
        for event in page.events.iter().filter(|event| event.position <= head) {
            lines.push(&canonical::line(event))?;
            for (digest, kind) in blobs_of(event, lines.events())? {
                named.put(digest, kind).await?;
            }
        }
        after = page.next.min(head);
        watch(COPYING, after.0, head.0);
    }
    let blobs = named.part;
    let manifest =
        Manifest { format: Format::Backup, made_at: now, organisation: None, log: lines.finish()?, blobs, files };
    folder.finish(&manifest)?;
    Ok(manifest)
}

/// The blobs that an event names; `line` is its number, for whoever has to look.
fn blobs_of(event: &Recorded<RawEvent>, line: u64) -> Result<Vec<(Sha256, BlobKind)>, ArchiveError> {
    match decode(&event.event) {
        Ok(event) => Ok(named_blobs(&event)),
        // A version that knows the event would copy more.
        Err(DecodeError::Unknown { .. } | DecodeError::Malformed { .. }) => {
            Err(ArchiveError::Newer { line, name: event.event.name.clone() })
        }
    }
}

/// The blobs that were named so far.
struct Named<'a> {
    folder: &'a ArchiveFolder,
    blobs: &'a Blobs,
    how: HowBlobs,
    seen: HashSet<Sha256>,
    part: BlobsPart,
}

impl Named<'_> {
    /// Copies a blob, and what it is made of.
    async fn put(&mut self, digest: Sha256, kind: BlobKind) -> Result<(), ArchiveError> {
        if !self.put_one(digest).await? || kind == BlobKind::Whole {
            return Ok(());
        }
        // What is no rope is told by `verify`; its bytes are copied as they are.
        let rope = Rope::parse(&self.blobs.get(digest).await?).unwrap_or_default();
        for piece in rope.blobs() {
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

/// A copy at one moment, which holds up nobody who writes.
async fn copy_uses(
    data: &DataFolder,
    folder: &ArchiveFolder,
    files: &mut BTreeMap<String, FilePart>,
) -> Result<(), BackupError> {
    if !data.uses().exists() {
        return Ok(());
    }
    let scratch = tempfile::tempdir_in(data.path()).map_err(io("use", data.path()))?;
    let copy = scratch.path().join(USES);
    let options = SqliteConnectOptions::new().filename(data.uses()).read_only(true);
    let mut rows = SqliteConnection::connect_with(&options).await?;
    sqlx::query("vacuum into ?").bind(copy.to_string_lossy().into_owned()).execute(&mut rows).await?;
    rows.close().await?;
    let mut from = File::open(&copy).map_err(io("read", &copy))?;
    files.insert(USES.to_owned(), folder.put(USES, &mut from)?);
    Ok(())
}

/// What in a backup is worth saying to whoever made it.
#[must_use]
pub fn lacks(manifest: &Manifest) -> Option<&BTreeSet<Sha256>> {
    Some(&manifest.blobs.missing).filter(|missing| !missing.is_empty())
}

/// Whether a server that is made of this backup can open its secrets without a master key from elsewhere.
#[must_use]
pub fn has_master_key(manifest: &Manifest) -> bool {
    manifest.files.contains_key(MASTER_KEY)
}
