//! Imports entries: first the blobs that an event names, then the event, then the replica's state of the log.

use std::{
    fs::{File, TryLockError},
    path::PathBuf,
    sync::Arc,
};

use archive::{ArchiveError, data_folder::DataFolder, io, sync_disk_of};
use domain::{
    checkpoint::VerifierKey,
    digest::Sha256,
    event::{BlobKind, DecodeError, blobs as named_blobs, decode},
    feed::{self, Entry},
    merkle::Accumulator,
    names::OrganisationName,
    recorded::{Position, RawEvent, Recorded},
};
use event_log::{
    event_store::{self, EventStore, LogUrl},
    log_lines,
};
use stores::{blobs::Blobs, blocking::blocking};

use super::{
    ReplicaError,
    blob_fetcher::{BlobFetcher, BlobSource, Named},
    state::{STATE, State},
};

const LOG: &str = "log.sqlite";
const LOCK: &str = "replica.lock";

/// A replica's folder, opened and locked by the process that writes it.
pub struct Replica {
    data: DataFolder,
    store: Arc<dyn EventStore>,
    blobs: Blobs,
    state: Option<State>,
    tree: Accumulator,
    fetching: BlobFetcher,
    _lock: File,
}

impl Replica {
    /// Opens the replica in the folder of `data`, or creates one in an empty folder.
    ///
    /// # Errors
    /// The folder belongs to a server, another process uses it, or it cannot be read.
    pub async fn open(data: DataFolder) -> Result<Self, ReplicaError> {
        let path = data.path();
        let no_replica = |what| ReplicaError::NoReplica { path: path.to_owned(), what };
        if data.secrets().exists() || data.master_key().exists() {
            return Err(no_replica("secrets"));
        }
        let state = State::read(path)?;
        // A replica without a state has at most an empty log, which a refused bundle leaves behind.
        if state.is_none() && data.read_models().exists() {
            return Err(no_replica("a server's read models"));
        }
        let lock = File::create(path.join(LOCK)).map_err(io("lock", path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ReplicaError::Busy { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(io("lock", path)(error).into()),
        }
        let damaged = || io("use", path.join(STATE))(std::io::Error::other("the saved Merkle tree is corrupt"));
        let tree = match &state {
            Some(state) => state.tree().ok_or_else(damaged)?,
            None => Accumulator::default(),
        };
        let store = event_store::open(&LogUrl::Sqlite(path.join(LOG))).await?;
        let blobs = Blobs::local(data.blobs())?;
        let missing = state.as_ref().map(|state| state.missing.clone()).unwrap_or_default();
        let fetching = BlobFetcher::new(blobs.clone(), missing);
        Ok(Self { data, store, blobs, state, tree, fetching, _lock: lock })
    }

    /// The replica's folder.
    #[must_use]
    pub fn data(&self) -> &DataFolder {
        &self.data
    }

    /// The replica's log.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    /// The blobs: packages and indexes.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The organisation whose repositories it has. `None` before the first import.
    #[must_use]
    pub fn organisation(&self) -> Option<&OrganisationName> {
        self.state.as_ref().map(|state| &state.organisation)
    }

    /// The key that signs its log. `None` before the first import.
    #[must_use]
    pub fn log_key(&self) -> Option<&str> {
        self.state.as_ref().map(|state| state.log_key.as_str())
    }

    /// Whether it has all entries that existed at first contact. Until then, access keys that were revoked long ago may still work.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state.as_ref().is_some_and(|state| self.size() >= state.complete_at)
    }

    /// The number of imported entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root of the Merkle tree over them.
    #[must_use]
    pub fn root(&self) -> Sha256 {
        self.tree.root()
    }

    /// Sets the organisation of the log, its key, and its number of entries. The first call fixes them for ever.
    pub(super) fn adopt(
        &mut self,
        organisation: &OrganisationName,
        key: &VerifierKey,
        size: u64,
    ) -> Result<(), ReplicaError> {
        let offered = key.to_string();
        let Some(State { organisation: has, log_key, .. }) = &self.state else {
            let state = State::new(organisation.clone(), offered, size);
            state.write(self.data.path())?;
            self.state = Some(state);
            return Ok(());
        };
        if has != organisation {
            return Err(ReplicaError::OtherOrganisation { has: has.clone(), offered: organisation.clone() });
        }
        match *log_key == offered {
            true => Ok(()),
            false => Err(ReplicaError::OtherKey { has: log_key.clone(), offered }),
        }
    }

    /// Records that the server's log now has `size` entries. The number at first contact is not signed, and a log never becomes
    /// shorter, so the smaller number is enough to be complete.
    pub(super) fn is_told(&mut self, size: u64) -> Result<(), ReplicaError> {
        if let Some(state) = self.state.as_mut().filter(|state| size < state.complete_at) {
            state.complete_at = size;
            state.write(self.data.path())?;
        }
        Ok(())
    }

    /// Records the events of the signing keys that are not recorded yet.
    pub(super) async fn take_signing_keys(&self, events: Vec<Recorded<RawEvent>>) -> Result<(), ReplicaError> {
        Ok(log_lines::append(&*self.store, events).await?)
    }

    /// Parses the next entries, and checks that the log with them has the size and root of a checkpoint.
    pub(super) fn vouched_for(
        &self,
        lines: &[String],
        (size, root): (u64, Sha256),
    ) -> Result<Vec<(Entry, Sha256)>, ReplicaError> {
        let mut tree = self.tree.clone();
        let mut entries = Vec::new();
        for (number, line) in (tree.size() + 1..).zip(lines) {
            let entry = feed::parse(line, Position(number));
            let (entry, leaf) = entry.map_err(|source| ArchiveError::Line { line: number, source })?;
            tree.push(leaf);
            entries.push((entry, leaf));
        }
        match (tree.size(), tree.root()) {
            found if found == (size, root) => Ok(entries),
            _ if lines.is_empty() && size == tree.size() => Err(self.is_of_another_log()),
            (events, found) => Err(ReplicaError::Differs {
                from: self.size(),
                size: events,
                root: found,
                expected: size,
                signed: root,
            }),
        }
    }

    /// The error for a log that differs from the one followed before.
    pub(super) fn is_of_another_log(&self) -> ReplicaError {
        ReplicaError::OtherLog { size: self.size(), root: self.root() }
    }

    /// Imports the next entries, which were checked against a signed checkpoint. Blobs come from `source`.
    pub(super) async fn take(
        &mut self,
        entries: Vec<(Entry, Sha256)>,
        source: &dyn BlobSource,
    ) -> Result<(), ReplicaError> {
        let mut tree = self.tree.clone();
        let (mut events, mut named) = (Vec::new(), Vec::new());
        for (entry, leaf) in entries {
            if let Entry::Shown(event) = entry {
                named.extend(blobs_of(tree.size(), &event)?);
                events.push(event);
            }
            tree.push(leaf);
        }
        if self.fetching.bring(named, source).await? {
            sync_disk(self.data.path().to_owned()).await?;
        }
        log_lines::append(&*self.store, events).await?;
        self.tree = tree;
        self.remember()
    }

    /// The number of blobs that are missing because they were lost at the source.
    #[must_use]
    pub fn missing_blobs(&self) -> usize {
        self.fetching.missing().len()
    }

    /// Downloads missing blobs that `source` has again, and returns their number.
    pub(super) async fn take_missing(&mut self, source: &dyn BlobSource) -> Result<usize, ReplicaError> {
        let found = self.fetching.bring_missing(source).await?;
        if found > 0 {
            sync_disk(self.data.path().to_owned()).await?;
            self.remember()?;
        }
        Ok(found)
    }

    fn remember(&mut self) -> Result<(), ReplicaError> {
        let Some(state) = &mut self.state else { return Ok(()) };
        state.set_tree(&self.tree);
        state.missing.clone_from(self.fetching.missing());
        state.write(self.data.path())
    }
}

/// The blobs that the event of that entry names.
fn blobs_of(entry: u64, event: &Recorded<RawEvent>) -> Result<impl Iterator<Item = Named> + use<>, ReplicaError> {
    match decode(&event.event) {
        Ok(event) => {
            let named = move |(sha256, kind)| Named { sha256, entry, is_segmented_file: kind == BlobKind::Segmented };
            Ok(named_blobs(&event).into_iter().map(named))
        }
        Err(DecodeError::Unknown { .. } | DecodeError::Newer { .. } | DecodeError::Malformed { .. }) => {
            Err(ReplicaError::Newer { entry, name: event.event.name.clone() })
        }
    }
}

/// Flushes the disk of `folder`. This may take seconds, so it does not block the async thread.
async fn sync_disk(folder: PathBuf) -> Result<(), ReplicaError> {
    let synced = {
        let folder = folder.clone();
        blocking(move || sync_disk_of(&folder)).await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    };
    Ok(synced.map_err(io("write to the disk of", &folder))?)
}
