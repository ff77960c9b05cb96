//! A replica's state of the log that it follows: the organisation, the signing key, and the Merkle tree over the imported entries.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write as _,
    path::Path,
};

use archive::io;
use domain::{digest::Sha256, merkle::Accumulator, names::OrganisationName};
use serde::{Deserialize, Serialize};

use super::ReplicaError;

/// The state's file. A folder that contains it belongs to a replica.
pub(super) const STATE: &str = "replica.json";

/// The state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) organisation: OrganisationName,
    /// The key of the log, in the format that verifiers pin.
    pub(super) log_key: String,
    /// The number of entries at first contact. Clients are refused until the replica has as many.
    #[serde(default)]
    pub(super) complete_at: u64,
    size: u64,
    full: Vec<Sha256>,
    /// Blobs that entries name and that are lost at the source.
    #[serde(default)]
    pub(super) missing: BTreeSet<Missing>,
}

/// A missing blob that an imported entry names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Missing {
    pub(super) sha256: Sha256,
    /// The entry's number, from 0.
    pub(super) entry: u64,
    /// Whether it is a segmented file, which names further blobs.
    pub(super) is_segmented_file: bool,
}

impl State {
    /// The state of a log before the first import.
    pub(super) fn new(organisation: OrganisationName, log_key: String, complete_at: u64) -> Self {
        Self { organisation, log_key, complete_at, size: 0, full: Vec::new(), missing: BTreeSet::new() }
    }

    /// The Merkle tree over the imported entries. `None` if the saved state is corrupt.
    pub(super) fn tree(&self) -> Option<Accumulator> {
        Accumulator::of_parts(self.size, self.full.clone())
    }

    pub(super) fn set_tree(&mut self, tree: &Accumulator) {
        (self.size, self.full) = (tree.size(), tree.full().to_vec());
    }

    /// Reads the state in `folder`. `None` before the first import.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, ReplicaError> {
        let path = folder.join(STATE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("read", path)(error).into()),
        };
        serde_json::from_slice(&text).map(Some).map_err(|source| ReplicaError::State { path, source })
    }

    /// Writes the state atomically, and flushes it to disk.
    pub(super) fn write(&self, folder: &Path) -> Result<(), ReplicaError> {
        let path = folder.join(STATE);
        let text = serde_json::to_string_pretty(self);
        let text = text.map_err(|source| ReplicaError::State { path: path.clone(), source })?;
        let written = (|| {
            let mut new = tempfile::Builder::new().prefix(".unfinished-").tempfile_in(folder)?;
            writeln!(new, "{text}")?;
            new.as_file().sync_all()?;
            new.persist(&path).map_err(|refused| refused.error)?;
            File::open(folder)?.sync_all()
        })();
        Ok(written.map_err(io("write", &path))?)
    }
}
