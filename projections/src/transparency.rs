//! The transparency logs: a Merkle tree over the canonical lines of all events, and one for each organisation over its
//! own, so that tenants can verify all their own events and see no event of other tenants.
//!
//! Entries are in the log's order. Trees are stored in tiles; the right edge of each is in memory.

mod edge;
mod projector;
mod proofs;
mod rows;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use domain::{
    checkpoint::{LogName, LogState},
    digest::Sha256,
};
use futures::future::BoxFuture;
use ports::{BoxError, trees::Trees};
use sqlx::SqlitePool;
use tokio::sync::watch;

pub use self::{
    projector::TransparencyProjector,
    proofs::{EventProof, ProofError},
};

/// The projector's name: in checkpoints, and to wait for.
pub const TRANSPARENCY: &str = "transparency";

/// Read access to the logs. Cheap to clone.
#[derive(Clone)]
pub struct Transparency {
    readers: SqlitePool,
    logs: Arc<RwLock<HashMap<LogName, (i64, LogState)>>>,
    changed: watch::Sender<u64>,
}

/// The read side and the projector that feeds it.
#[must_use]
pub fn transparency(readers: SqlitePool) -> (Transparency, TransparencyProjector) {
    let read = Transparency { readers, logs: Arc::default(), changed: watch::Sender::new(0) };
    (read.clone(), TransparencyProjector::new(read))
}

impl Transparency {
    /// The newest state of a log; none if it has no entry.
    #[must_use]
    pub fn state(&self, log: LogName) -> Option<LogState> {
        Some(self.find(log)?.1)
    }

    /// Changes whenever a log has grown.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn find(&self, log: LogName) -> Option<(i64, LogState)> {
        self.logs.read().unwrap_or_else(PoisonError::into_inner).get(&log).copied()
    }
}

impl Trees for Transparency {
    fn now(&self, log: LogName) -> Option<LogState> {
        self.state(log)
    }

    fn root_at(&self, log: LogName, size: u64) -> BoxFuture<'_, Result<Option<Sha256>, BoxError>> {
        Box::pin(async move { Ok(self.root_at(log, size).await?) })
    }
}
