//! An index over the log for audits: which events are about a key, a release or a package, which an actor caused, and
//! which followed from which.
//!
//! It holds positions and numbers, never the content of events: that is in the log alone. It has two tables: spans, a
//! few dozen bytes for each event in the log's order, which are read through for who, what, whose and when; and
//! mentions, a list of positions for each subject, which are looked up. See decision 0026.

mod mentions;
mod number;
mod projector;
mod record;
mod search;
#[cfg(test)]
mod tests;

use sqlx::SqlitePool;

pub use self::{
    projector::AuditIndexProjector,
    search::{Page, Tally, Wanted},
};

/// The projector's name: in checkpoints, and to wait for.
pub const AUDIT_INDEX: &str = "audit_index";

/// Finds events. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AuditIndex {
    readers: SqlitePool,
}

/// The read side and the projector that feeds it.
#[must_use]
pub fn audit_index(readers: SqlitePool) -> (AuditIndex, AuditIndexProjector) {
    (AuditIndex::new(readers), AuditIndexProjector::default())
}

impl AuditIndex {
    /// The read side alone, whether a server is running or not.
    #[must_use]
    pub fn new(readers: SqlitePool) -> Self {
        Self { readers }
    }
}
