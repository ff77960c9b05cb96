//! Restoring a backup into a data folder.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::{Path, PathBuf},
};

use domain::{
    canonical,
    digest::Sha256,
    event::BlobKind,
    merkle::{Accumulator, leaf_hash},
    recorded::Position,
};
use event_log::{
    event_store::{EventStore, ReadError},
    log_lines::{self, LinesError},
};
use formats::segmented_file::Manifest as Segmented;
use stores::blobs::{BlobError, Blobs};
use uuid::Uuid;

use super::{MASTER_KEY, SECRETS, SIGNED_LOGS, USES, unfinished::Unfinished};
use crate::{Archive, ArchiveError, Step, Watch, blobs_of, data_folder::DataFolder, io, sync_disk_of};

const CHECKING: Step = Step { words: "Checking events, copying blobs", unit: "events" };
const RECORDING: Step = Step { words: "Recording events", unit: "events" };

/// Why a restore failed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The data folder is not empty.
    #[error("the folder {path} is not empty: restore into a new folder", path = .path.display())]
    NotEmpty {
        /// The data folder.
        path: PathBuf,
    },
    /// A restore was interrupted, and the folder has files that it did not write.
    #[error(
        "the folder {path} contains {what}, which no restore put there: move it away, or restore into a new folder",
        path = .path.display()
    )]
    Foreigner {
        /// The data folder.
        path: PathBuf,
        /// What was found there.
        what: String,
    },
    /// Another restore is running.
    #[error("another restore is already running in the folder {path}: wait until it ends", path = .path.display())]
    Busy {
        /// The data folder.
        path: PathBuf,
    },
    /// The event log is outside the data folder, and already has events.
    #[error("the event log to restore into is not empty, it has events up to position {head}: use an empty one")]
    LogNotEmpty {
        /// The position of its last event.
        head: Position,
    },
    /// The master key that the settings name exists, and differs from the one in the backup.
    #[error(
        "there is already a master key at {path}, and the backup has another one: move it away first",
        path = .path.display()
    )]
    MasterKeyThere {
        /// The path of the existing key.
        path: PathBuf,
    },
    /// The manifest names an unknown file.
    #[error("the manifest of the backup names a file {name}, which does not belong into a backup")]
    Foreign {
        /// The file's name.
        name: String,
    },
    /// The backup cannot be read, or is damaged.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A blob is missing or damaged in the backup.
    #[error(
        "a blob (stored file) of the backup is missing or damaged: use `restore --without-damaged` to restore without such blobs"
    )]
    Blob {
        /// The blob, and what is wrong with it.
        source: ArchiveError,
    },
    /// The events of an interrupted restore are not those of this backup.
    #[error(
        "the event log to restore into is not the beginning of the backup's event log: repeat the restore that was interrupted, or use an empty event log"
    )]
    OtherLog {
        /// Where the logs differ.
        source: LinesError,
    },
    /// The events cannot be recorded.
    #[error(transparent)]
    Lines(LinesError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
}

impl From<LinesError> for RestoreError {
    fn from(error: LinesError) -> Self {
        match error {
            LinesError::Other { .. } | LinesError::Longer { .. } => Self::OtherLog { source: error },
            error => Self::Lines(error),
        }
    }
}

/// What to do about a blob that is missing or damaged in the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamagedBlobs {
    /// Fail: nothing is restored.
    Refused,
    /// Skip it, and restore everything else.
    LeftOut,
}

/// What was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The number of events.
    pub events: u64,
    /// Their Merkle root.
    pub merkle_root: Sha256,
    /// The number of blobs.
    pub blobs: u64,
    /// Their total size in bytes.
    pub blob_bytes: u64,
    /// The number of blobs that were already lost when the backup was made.
    pub missing_blobs: u64,
    /// The blobs that were skipped because they are damaged in the backup.
    pub damaged_blobs: BTreeSet<Sha256>,
}

/// Restores `archive` into `data` and `log`, which must be empty or contain the result of an interrupted restore. Every byte is
/// checked: events against the manifest's Merkle root, before the first is recorded; blobs against their digests; other files
/// against the manifest.
///
/// # Errors
/// See [`RestoreError`]. Files that were already copied stay in the folder, which is marked as unfinished.
pub async fn restore(
    archive: &Archive,
    data: &DataFolder,
    log: &dyn EventStore,
    unfinished: Unfinished,
    damaged: DamagedBlobs,
    watch: Watch<'_>,
) -> Result<Restored, RestoreError> {
    let head = log.head().await?;
    if head != Position(0) && !unfinished.log_was_begun() {
        return Err(RestoreError::LogNotEmpty { head });
    }
    copy_files(archive, data)?;
    let copied = copy_blobs(archive, data, damaged, watch).await?;
    let total = archive.manifest().log.events;
    let recorded = log_lines::import(log, &mut archive.log()?, |line| watch(RECORDING, line, total)).await?;
    unfinished.end(data)?;
    Ok(Restored {
        events: recorded.events,
        merkle_root: recorded.root,
        blobs: copied.count,
        blob_bytes: copied.bytes,
        missing_blobs: archive.manifest().blobs.missing.len() as u64,
        damaged_blobs: copied.damaged,
    })
}

fn copy_files(archive: &Archive, data: &DataFolder) -> Result<(), RestoreError> {
    for name in archive.manifest().files.keys() {
        let to = place(name, data).ok_or_else(|| RestoreError::Foreign { name: name.clone() })?;
        if let Some(folder) = to.parent() {
            private_folder(folder).map_err(io("create", folder))?;
        }
        archive.copy_file(name, &to)?;
    }
    Ok(())
}

/// The destination of a file of the backup. `None` if backups have no such file.
fn place(name: &str, data: &DataFolder) -> Option<PathBuf> {
    match name.split_once('/') {
        None if name == USES => Some(data.key_usage()),
        None if name == MASTER_KEY => Some(data.master_key().to_owned()),
        Some((SECRETS, id)) => Some(data.secrets().join(Uuid::parse_str(id).ok()?.to_string())),
        Some((SIGNED_LOGS, "server")) => Some(data.signed_logs().join("server")),
        Some((SIGNED_LOGS, id)) => Some(data.signed_logs().join(Uuid::parse_str(id).ok()?.to_string())),
        _ => None,
    }
}

fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

async fn copy_blobs<'a>(
    archive: &'a Archive,
    data: &DataFolder,
    damaged: DamagedBlobs,
    watch: Watch<'_>,
) -> Result<Copying<'a>, RestoreError> {
    let expected = archive.manifest().log;
    let blobs = Blobs::local(data.blobs()).map_err(ArchiveError::Blob)?;
    let mut copying = Copying {
        archive,
        blobs,
        are_left_out: damaged == DamagedBlobs::LeftOut,
        seen: HashSet::new(),
        count: 0,
        bytes: 0,
        damaged: BTreeSet::new(),
    };
    let mut tree = Accumulator::default();
    let mut lines = archive.lines()?;
    while let Some(line) = lines.next_line()? {
        tree.push(leaf_hash(line.as_bytes()));
        let number = lines.number();
        let event =
            canonical::parse(&line, Position(number)).map_err(|source| ArchiveError::Line { line: number, source })?;
        for (digest, kind) in blobs_of(&event, number)? {
            copying.copy(digest, kind).await?;
        }
        watch(CHECKING, number, expected.events);
    }
    if (tree.size(), tree.root()) != (expected.events, expected.merkle_root) {
        return Err(RestoreError::Archive(ArchiveError::Damaged {
            expected_events: expected.events,
            expected_root: expected.merkle_root,
            events: tree.size(),
            root: tree.root(),
        }));
    }
    sync_disk_of(data.path()).map_err(io("write to the disk of", data.path()))?;
    Ok(copying)
}

struct Copying<'a> {
    archive: &'a Archive,
    blobs: Blobs,
    /// Damaged ones.
    are_left_out: bool,
    seen: HashSet<Sha256>,
    count: u64,
    bytes: u64,
    damaged: BTreeSet<Sha256>,
}

impl Copying<'_> {
    async fn copy(&mut self, digest: Sha256, kind: BlobKind) -> Result<(), RestoreError> {
        if !self.copy_one(digest)? || kind == BlobKind::Whole {
            return Ok(());
        }
        let segmented_file =
            Segmented::parse(&self.blobs.get(digest).await.map_err(ArchiveError::Blob)?).unwrap_or_default();
        for piece in segmented_file.blobs() {
            self.copy_one(piece)?;
        }
        Ok(())
    }

    fn copy_one(&mut self, digest: Sha256) -> Result<bool, RestoreError> {
        let was_lost = self.archive.manifest().blobs.missing.contains(&digest);
        if was_lost || !self.seen.insert(digest) {
            return Ok(false);
        }
        let to = self.blobs.local_path(digest).ok_or(ArchiveError::Blob(BlobError::NotFound { digest }))?;
        match self.archive.copy_blob(digest, &to) {
            Ok(bytes) => {
                self.bytes += bytes;
                self.count += 1;
                Ok(true)
            }
            Err(error) if self.are_left_out && error.is_damage() => {
                self.damaged.insert(digest);
                Ok(false)
            }
            Err(source) if source.is_damage() => Err(RestoreError::Blob { source }),
            Err(error) => Err(error.into()),
        }
    }
}
