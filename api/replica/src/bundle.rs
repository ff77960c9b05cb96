//! Imports a bundle into a replica. The whole bundle is checked before any of it is recorded.

use std::path::Path;

use archive::{
    Archive, ArchiveError, Format, Step, Watch,
    bundle::{CHECKPOINT, LOG_KEY, SIGNING_KEYS, SIGNING_KEYS_NOTE},
};
use domain::{digest::Sha256, feed, merkle::Accumulator, recorded::Position};
use futures::future::BoxFuture;

use super::{Replica, ReplicaError, Untrusted, blob_fetcher::BlobSource, trust};

/// How many entries are recorded together.
const ENTRIES_AT_ONCE: usize = 1_000;
/// The maximum size of a key or note.
pub(super) const NOTE_MAX_BYTES: u64 = 64 * 1024;
/// The maximum size of the signing keys' events: some thousand events.
pub(super) const SIGNING_KEYS_MAX_BYTES: u64 = 64 * 1024 * 1024;

const CHECKING: Step = Step { words: "Checking entries", unit: "entries" };
const TAKING: Step = Step { words: "Importing entries", unit: "entries" };

/// The result of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// The number of new entries.
    pub entries: u64,
    /// The blobs that the bundle lacks, because they were already lost when it was made.
    pub missing_blobs: u64,
}

/// Imports the entries of the bundle at `path` that the replica does not have. An older bundle than the last changes nothing.
/// `pinned` is the log's key, as the server's operator published it. Without it, the first bundle's key is trusted on first use.
///
/// # Errors
/// See [`ReplicaError`]. Nothing is recorded from a bundle that is damaged or not signed by the log's key. Blobs are checked one by
/// one, each before the event that names it is recorded.
pub async fn load(
    replica: &mut Replica,
    path: &Path,
    pinned: Option<&str>,
    watch: Watch<'_>,
) -> Result<Loaded, ReplicaError> {
    let archive = Archive::open(path, Format::Bundle)?;
    let text = |name, max_bytes| {
        let bytes = archive.small_file(name, max_bytes)?;
        String::from_utf8(bytes).map_err(|_| ReplicaError::from(Untrusted::new(format!("{name} is not UTF-8 text"))))
    };
    let organisation = archive.manifest().organisation.clone();
    let organisation = organisation.ok_or_else(|| Untrusted::new("the bundle does not name its organisation"))?;
    let key = trust::key(&text(LOG_KEY, NOTE_MAX_BYTES)?, &organisation)?;
    if let Some(pinned) = pinned.filter(|pinned| pinned.trim() != key.to_string()) {
        return Err(ReplicaError::OtherKey { has: pinned.trim().to_owned(), offered: key.to_string() });
    }
    let checkpoint = trust::checkpoint(&text(CHECKPOINT, NOTE_MAX_BYTES)?, &key)?;
    let lines: Vec<String> = text(SIGNING_KEYS, SIGNING_KEYS_MAX_BYTES)?.lines().map(str::to_owned).collect();
    let signing_keys = trust::signing_keys(&lines, &text(SIGNING_KEYS_NOTE, NOTE_MAX_BYTES)?, &key)?;
    check(replica, &archive, (checkpoint.size, checkpoint.root), watch)?;

    replica.adopt(&organisation, &key, checkpoint.size)?;
    replica.take_signing_keys(signing_keys).await?;
    let before = replica.size();
    let mut lines = archive.lines()?;
    let mut entries = Vec::new();
    while let Some(line) = lines.next_line()? {
        let number = lines.number();
        if number <= before {
            continue;
        }
        entries.push(entry(&line, number)?);
        if entries.len() == ENTRIES_AT_ONCE || number == checkpoint.size {
            replica.take(std::mem::take(&mut entries), &Bundled(&archive)).await?;
            watch(TAKING, number, checkpoint.size);
        }
    }
    replica.take_missing(&Bundled(&archive)).await?;
    let missing_blobs = archive.manifest().blobs.missing.len() as u64;
    Ok(Loaded { entries: replica.size() - before, missing_blobs })
}

/// Checks that the lines have the signed root, and that they and the replica's entries begin alike.
fn check(
    replica: &Replica,
    archive: &Archive,
    (size, root): (u64, Sha256),
    watch: Watch<'_>,
) -> Result<(), ReplicaError> {
    let mut tree = Accumulator::default();
    let mut lines = archive.lines()?;
    while let Some(line) = lines.next_line()? {
        let number = lines.number();
        tree.push(entry(&line, number)?.1);
        if number == replica.size() && tree.root() != replica.root() {
            return Err(replica.is_of_another_log());
        }
        watch(CHECKING, number, size);
    }
    if (tree.size(), tree.root()) != (size, root) {
        let (events, found) = (tree.size(), tree.root());
        let damaged = ArchiveError::Damaged { expected_events: size, expected_root: root, events, root: found };
        return Err(damaged.into());
    }
    Ok(())
}

fn entry(line: &str, number: u64) -> Result<(feed::Entry, Sha256), ArchiveError> {
    feed::parse(line, Position(number)).map_err(|source| ArchiveError::Line { line: number, source })
}

/// The blobs of a bundle.
struct Bundled<'a>(&'a Archive);

impl BlobSource for Bundled<'_> {
    fn fetch<'a>(&'a self, _: u64, digest: Sha256, to: &'a Path) -> BoxFuture<'a, Result<bool, ReplicaError>> {
        Box::pin(async move {
            if self.0.manifest().blobs.missing.contains(&digest) {
                return Ok(false);
            }
            self.0.copy_blob(digest, to)?;
            Ok(true)
        })
    }
}
