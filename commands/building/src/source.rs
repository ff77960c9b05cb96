//! Fetching a tag's code: resolving the tag, and checking it out as a plain folder.
//!
//! The repository is not trusted: its files may name hooks, filters, submodules and links of any kind.
//! Nothing of it is executed here, and nothing here follows a link in it.

mod checkout;
mod deploy_key;
mod error;
mod git;
mod known_hosts;
mod listing;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use domain::project::CommitId;

pub use self::{
    deploy_key::{DeployKey, InvalidDeployKey},
    error::SourceError,
    known_hosts::{InvalidKnownHost, KnownHosts},
};

/// Fetches code with the `git` program.
#[derive(Debug, Clone, Default)]
pub struct Git {
    /// Whether `file://` addresses and paths of this machine may be read.
    pub allow_local: bool,
    /// What the operator adds to git's otherwise empty environment: proxies, a CA file.
    pub environment: BTreeMap<String, String>,
    /// The ssh servers that may be asked.
    pub known_hosts: KnownHosts,
    /// Where git works when it only answers a question; the machine's folder for temporary files if unset. A deploy key
    /// lies there while git runs, so it should be one that is emptied at each start.
    pub scratch: Option<PathBuf>,
    /// What a checkout may cost.
    pub limits: Limits,
}

/// A tag's code, as a folder without `.git`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The commit the tag pointed to.
    pub commit: CommitId,
    /// When it was committed; builds take it as their date.
    pub committed_at: DateTime<Utc>,
}

/// What a checkout may cost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sum of the files' lengths, and largest pack fetched.
    pub total_bytes: u64,
    /// Files, links and folders.
    pub entries: u64,
    /// Longest path in the repository.
    pub path_bytes: usize,
    /// For the whole checkout, and for one question about a tag.
    pub time: Duration,
}

impl Limits {
    /// Two GiB: far more than code, little enough for several at once.
    pub(crate) const TOTAL_BYTES: u64 = 2 << 30;
    /// The largest public monorepos hold about 500 thousand.
    pub const ENTRIES: u64 = 500_000;
    /// Leaves room for the folder it is built in below Linux's 4096.
    pub(crate) const PATH_BYTES: usize = 1024;
    /// Ten minutes.
    pub const TIME: Duration = Duration::from_mins(10);
}

impl Default for Limits {
    fn default() -> Self {
        Self { total_bytes: Self::TOTAL_BYTES, entries: Self::ENTRIES, path_bytes: Self::PATH_BYTES, time: Self::TIME }
    }
}
