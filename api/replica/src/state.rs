//! What a replica remembers of the log that it follows: whose it is, who signs it, and the tree over what was taken in.

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

/// The file. A folder that has it is a replica's.
pub(super) const STATE: &str = "replica.json";

/// The state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) organisation: OrganisationName,
    /// The key of its log, as verifiers pin it.
    pub(super) log_key: String,
    /// How many entries there were when it first heard of the log. Nobody is served with less.
    #[serde(default)]
    pub(super) complete_at: u64,
    size: u64,
    full: Vec<Sha256>,
    /// Blobs that entries name and that were lost where they came from.
    #[serde(default)]
    pub(super) missing: BTreeSet<Missing>,
}

/// A blob that is not there, although an entry that is there names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Missing {
    pub(super) sha256: Sha256,
    /// The entry, counted from 0.
    pub(super) entry: u64,
    /// It names further blobs.
    pub(super) is_segmented_file: bool,
}

impl State {
    /// Of a log of which nothing was taken in yet.
    pub(super) fn new(organisation: OrganisationName, log_key: String, complete_at: u64) -> Self {
        Self { organisation, log_key, complete_at, size: 0, full: Vec::new(), missing: BTreeSet::new() }
    }

    /// The tree over what was taken in; none if the file was damaged.
    pub(super) fn tree(&self) -> Option<Accumulator> {
        Accumulator::of_parts(self.size, self.full.clone())
    }

    pub(super) fn set_tree(&mut self, tree: &Accumulator) {
        (self.size, self.full) = (tree.size(), tree.full().to_vec());
    }

    /// The state in `folder`; none if there is none yet.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, ReplicaError> {
        let path = folder.join(STATE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("read", path)(error).into()),
        };
        serde_json::from_slice(&text).map(Some).map_err(|source| ReplicaError::State { path, source })
    }

    /// On disk before it returns, whole or not at all.
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
