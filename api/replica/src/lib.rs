//! Replicas: servers that hold no secret, record nothing of their own, and serve one organisation's repositories byte for byte.
//!
//! A replica has a log with the organisation's repositories and keyrings and the server's signing keys, the blobs that they name,
//! and read models like any server's. What comes in is believed only as far as the key of the organisation's transparency log
//! has signed it: `trust.rs` checks that, `intake.rs` records it, `server.rs` serves it. It comes in a bundle (`bundle.rs`), or over
//! the network from a server that is followed (`follow.rs`, `feed.rs`).

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

/// The file of a replica's state: a folder that has it is a replica's.
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

/// Why a replica does not take something in.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaError {
    /// The folder is a server's, or something else's.
    #[error("{path} holds {what}, and no replica: give a replica a folder of its own", path = .path.display())]
    NoReplica {
        /// The folder.
        path: PathBuf,
        /// What was found.
        what: &'static str,
    },
    /// Another process has it.
    #[error("another process has the replica in {path}", path = .path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// It belongs to somebody else.
    #[error("this is a replica of {has}, and not of {offered}: give each organisation a folder of its own")]
    OtherOrganisation {
        /// Whose it is.
        has: OrganisationName,
        /// Whose repositories were offered.
        offered: OrganisationName,
    },
    /// Another key signed.
    #[error("the log is signed by another key than before: it was {has}, and now it is {offered}")]
    OtherKey {
        /// The key that the replica remembers.
        has: String,
        /// The key that was offered.
        offered: String,
    },
    /// What is offered does not begin with what is there.
    #[error("what is offered is another log: the replica has {size} entries with Merkle root {root}, and these differ")]
    OtherLog {
        /// Entries of the replica.
        size: u64,
        /// Their root.
        root: Sha256,
    },
    /// What is offered and what is signed are not the same.
    #[error(
        "what was sent is not what the log's key signed: after the {from} entries here it makes {size} with Merkle root {root}, and \
         {expected} with {signed} are signed. An entry was changed on its way, or it is another log"
    )]
    Differs {
        /// Entries of the replica.
        from: u64,
        /// As many with those that were sent.
        size: u64,
        /// Their root.
        root: Sha256,
        /// How many the checkpoint tells of.
        expected: u64,
        /// Its root.
        signed: Sha256,
    },
    /// The server that is followed does not give what it was asked for.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// Nobody vouches for it.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// A newer version wrote it.
    #[error("entry {entry} is a newer version's {name}: use that version for the replica too")]
    Newer {
        /// Counted from 0, as in proofs.
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
    /// The log does not take it.
    #[error(transparent)]
    Lines(#[from] LinesError),
    /// The log cannot be opened.
    #[error(transparent)]
    Open(#[from] event_store::OpenError),
    /// The replica's state is damaged.
    #[error("{path} is no state of a replica", path = .path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The replica's own log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A certificate that was taken in is none.
    #[error(transparent)]
    SigningKeys(#[from] SigningKeysError),
    /// What was taken in does not show.
    #[error(transparent)]
    Unseen(#[from] WaitError),
}

impl ReplicaError {
    /// Whether it may be otherwise in a moment, without anybody doing anything.
    fn is_passing(&self) -> bool {
        matches!(self, Self::Feed(error) if error.is_passing())
    }
}
