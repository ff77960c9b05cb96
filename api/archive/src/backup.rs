//! Backups: a copy of everything that a server cannot rebuild. It is taken while the server runs, and restored into an empty folder.
//!
//! The log comes first: its head at one moment defines what the backup contains. Blobs never change and are stored before the events
//! that name them, so they can be copied at any later time. Sealed secrets are created and deleted at any time: see [`sealed`].

mod restore;
mod sealed;
#[cfg(test)]
mod tests;
mod unfinished;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::Path,
};

use chrono::{DateTime, Utc};
use domain::{canonical, digest::Sha256};
use event_log::event_store::{EventStore, Events, Filter, ReadError};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use stores::blobs::Blobs;

pub use self::{
    restore::{DamagedBlobs, RestoreError, Restored, restore},
    unfinished::Unfinished,
};
use stores::scratch::Scratch;

use crate::{
    ArchiveError, ArchiveFolder, COPYING, FilePart, Format, HowBlobs, Manifest, NamedBlobs, Watch, blobs_of,
    data_folder::DataFolder, io,
};

/// The sealed secrets, by their ids.
const SECRETS: &str = "secrets";
/// The last signed state of each transparency log.
const SIGNED_LOGS: &str = "signed_logs";
/// When each key was used.
const USES: &str = "uses.sqlite";
/// The master key, which unseals the secrets. Only present on request.
const MASTER_KEY: &str = "master.key";

/// The source of a backup.
pub struct Sources<'a> {
    /// The log. It is only read.
    pub log: &'a dyn EventStore,
    /// The blobs that its events name.
    pub blobs: &'a Blobs,
    /// Everything else.
    pub data: &'a DataFolder,
}

/// The operator's options.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether the master key is copied too. Anyone who has such a backup can read every secret.
    pub with_master_key: bool,
    /// How to copy blobs.
    pub blobs: HowBlobs,
    /// Whether to read blobs that were copied earlier, and copy damaged ones again.
    pub is_checked: bool,
}

/// Why a backup failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The backup cannot be written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The database of key usage cannot be copied.
    #[error("cannot copy {USES}, the database with the uses of access keys")]
    KeyUsage(#[from] sqlx::Error),
}

/// Writes a backup into the folder `to`: a new folder, or one that contains an earlier backup of the same server, to which only what
/// is new is added. The earlier backup stays usable until this returns. `now` is the recorded time of the backup.
///
/// # Errors
/// See [`BackupError`]. A lost or damaged blob is not an error: the manifest lists it.
pub async fn backup(
    sources: &Sources<'_>,
    to: &Path,
    options: Options,
    now: DateTime<Utc>,
    watch: Watch<'_>,
) -> Result<Manifest, BackupError> {
    let folder = ArchiveFolder::open(to, Format::Backup, &[SECRETS, SIGNED_LOGS, USES, MASTER_KEY])?;
    let folder = folder.checked(options.is_checked);
    let filled = fill(&folder, sources, options, now, watch).await;
    folder.end(filled)
}

async fn fill(
    folder: &ArchiveFolder,
    sources: &Sources<'_>,
    options: Options,
    now: DateTime<Utc>,
    watch: Watch<'_>,
) -> Result<Manifest, BackupError> {
    let Sources { log, blobs, data } = sources;
    let mut files = BTreeMap::new();
    // Before the head is read, so that the signed state is never newer than the copied log.
    sealed::copy_all(&data.signed_logs(), SIGNED_LOGS, folder, &mut files)?;
    sealed::copy_all(&data.secrets(), SECRETS, folder, &mut files)?;
    let head = log.head().await?;
    sealed::copy_all(&data.secrets(), SECRETS, folder, &mut files)?;
    copy_uses(data, folder, &mut files).await?;
    if options.with_master_key {
        let key = data.master_key();
        let mut from = File::open(key).map_err(io("read", key))?;
        files.insert(MASTER_KEY.to_owned(), folder.put(MASTER_KEY, &mut from)?);
    }

    let mut lines = folder.log()?;
    let mut named = NamedBlobs::new(folder, blobs, options.blobs);
    let mut events = Events::up_to(*log, head, Filter::all());
    while let Some(event) = events.next().await? {
        lines.push(&canonical::line(&event))?;
        named.put_all(blobs_of(&event, lines.events())?, &lines).await?;
        watch(COPYING, event.position.0, head.0);
    }
    let log = lines.finish()?;
    let blobs = named.finish().await?;
    Ok(Manifest { format: Format::Backup, made_at: now, organisation: None, log, blobs, files })
}

/// A consistent copy that does not block writers.
async fn copy_uses(
    data: &DataFolder,
    folder: &ArchiveFolder,
    files: &mut BTreeMap<String, FilePart>,
) -> Result<(), BackupError> {
    if !data.key_usage().exists() {
        return Ok(());
    }
    let scratch = Scratch::new(data.path()).map_err(io("use", data.path()))?;
    let copy = scratch.path().join(USES);
    let options = SqliteConnectOptions::new().filename(data.key_usage()).read_only(true);
    let mut rows = SqliteConnection::connect_with(&options).await?;
    sqlx::query("vacuum into ?").bind(copy.to_string_lossy().into_owned()).execute(&mut rows).await?;
    rows.close().await?;
    let mut from = File::open(&copy).map_err(io("read", &copy))?;
    files.insert(USES.to_owned(), folder.put(USES, &mut from)?);
    Ok(())
}

/// The blobs that are missing in a backup, if there are any.
#[must_use]
pub fn lacks(manifest: &Manifest) -> Option<&BTreeSet<Sha256>> {
    Some(&manifest.blobs.missing).filter(|missing| !missing.is_empty())
}

/// Whether the backup contains the master key, so that a restored server can open its secrets.
#[must_use]
pub fn has_master_key(manifest: &Manifest) -> bool {
    manifest.files.contains_key(MASTER_KEY)
}
