//! Backups: a copy of everything that a server cannot make again, taken while it works, and brought back into an empty folder.
//!
//! The log comes first: its head at one moment says what the backup is a backup of. Blobs never change and are there before
//! the events that name them, so they can be copied at any time after that. Sealed secrets come and go: see [`sealed`].

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
/// What was signed last of each transparency log.
const SIGNED_LOGS: &str = "signed_logs";
/// Who used which key when.
const USES: &str = "uses.sqlite";
/// What unseals the secrets. Only there if it was asked for.
const MASTER_KEY: &str = "master.key";

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
    /// Whether blobs that were copied earlier are read, and copied again if they are damaged.
    pub is_checked: bool,
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
    KeyUsage(#[from] sqlx::Error),
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
    // Before the head is read: what was signed is a state that the log has at its head, or an earlier one.
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

/// A copy at one moment, which holds up nobody who writes.
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
