//! Replicas: servers without secrets that serve an exact copy of one organisation's repositories, and record no events themselves.
//!
//! A replica has a log with the organisation's repositories and keyrings and the server's signing keys, the blobs that they name,
//! and read models like any server. It trusts only what the key of the organisation's transparency log has signed: `trust.rs`
//! checks that, `ingest.rs` records it, `server.rs` serves it. Data comes in a bundle (`bundle.rs`), or over the network from a
//! server that is followed (`follow.rs`, `feed.rs`).

mod blob_fetcher;
mod bundle;
mod contact;
pub mod feed;
mod feed_client;
mod follow;
mod ingest;
mod key_handover;
mod server;
mod state;
#[cfg(test)]
mod tests;
mod trust;

use std::path::PathBuf;

use commands::signing_keys::SigningKeysError;
use domain::{digest::Sha256, names::OrganisationName};
use event_log::{
    event_store::{self, ReadError},
    log_lines::LinesError,
};
use projections::runner::WaitError;
use stores::blobs::BlobError;

/// The file with a replica's state. A folder that contains it belongs to a replica.
pub const STATE_FILE: &str = state::STATE;

pub use self::{
    bundle::{Loaded, load},
    contact::Contact,
    feed_client::{FeedAddress, FeedError},
    follow::{Follower, Served},
    ingest::Replica,
    key_handover::KeptCredentials,
    server::{Origin, ReplicaState, routes},
    trust::Untrusted,
};
use archive::ArchiveError;

/// Why an import into a replica failed.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// The folder contains something else.
    #[error("the folder {path} contains {what} and is not a replica's: give the replica a separate folder", path = .path.display())]
    NoReplica {
        /// The folder.
        path: PathBuf,
        /// What it contains.
        what: &'static str,
    },
    /// Another process uses the replica.
    #[error("another process is already running on the replica in the folder {path}: stop it first", path = .path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The replica belongs to another organisation.
    #[error(
        "the folder has a replica of organisation {has}, not of {offered}: use a separate folder for each organisation"
    )]
    OtherOrganisation {
        /// The replica's organisation.
        has: OrganisationName,
        /// The organisation of the new entries.
        offered: OrganisationName,
    },
    /// The log is signed by another key than before.
    #[error("the transparency log is signed by another key than before: expected {has}, found {offered}")]
    OtherKey {
        /// The known key.
        has: String,
        /// The new key.
        offered: String,
    },
    /// The new entries do not continue the replica's log.
    #[error(
        "the server or bundle has another log than the replica: its first {size} entries differ from the replica's, whose Merkle root is {root}"
    )]
    OtherLog {
        /// The replica's number of entries.
        size: u64,
        /// Their Merkle root.
        root: Sha256,
    },
    /// The new entries do not match the signed checkpoint.
    #[error(
        "the received entries are not those that the log's key signed: with the replica's {from} entries they make {size} with Merkle root {root}, but \
         {expected} with Merkle root {signed} are signed: an entry was changed on its way, or it is another log"
    )]
    Differs {
        /// The replica's number of entries.
        from: u64,
        /// The number of entries with the new ones.
        size: u64,
        /// Their Merkle root.
        root: Sha256,
        /// The number of entries in the checkpoint.
        expected: u64,
        /// The checkpoint's Merkle root.
        signed: Sha256,
    },
    /// A request to the server failed.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// A signature is missing or not valid.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// A newer version wrote the event.
    #[error("entry {entry} is an event {name} of a newer version of pkgdeploy: update the replica to that version")]
    Newer {
        /// The entry's number, from 0 as in proofs.
        entry: u64,
        /// The event's name.
        name: String,
    },
    /// The bundle cannot be read, or is damaged.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A blob cannot be written.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The log cannot be written.
    #[error(transparent)]
    Lines(#[from] LinesError),
    /// The log cannot be opened.
    #[error(transparent)]
    Open(#[from] event_store::OpenError),
    /// The replica's state is damaged.
    #[error("{path} is not a valid state file of a replica", path = .path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The replica's own log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An imported certificate is not valid.
    #[error(transparent)]
    SigningKeys(#[from] SigningKeysError),
    /// The read models cannot be updated.
    #[error(transparent)]
    Unseen(#[from] WaitError),
}

impl ReplicaError {
    /// Whether a later attempt may succeed without any change by an operator.
    fn is_passing(&self) -> bool {
        matches!(self, Self::Feed(error) if error.is_passing())
    }
}
