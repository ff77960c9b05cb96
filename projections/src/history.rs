//! An index over the log for whoever audits it: which events speak of a key, a release or a package, which an actor caused,
//! and which followed from which.
//!
//! It holds positions and numbers, never what events say: that stands in the log alone. Two tables answer everything:
//! spans, a few dozen bytes for each event in the log's order, which are read through for who, what, whose and when; and
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
    projector::HistoryProjector,
    search::{Page, Tally, Wanted},
};

/// The projector's name: in checkpoints, and to wait for.
pub const HISTORY: &str = "history";

/// Finds events. Cheap to clone.
#[derive(Debug, Clone)]
pub struct History {
    readers: SqlitePool,
}

/// The read side and the projector that feeds it.
#[must_use]
pub fn history(readers: SqlitePool) -> (History, HistoryProjector) {
    (History::new(readers), HistoryProjector::default())
}

impl History {
    /// The read side alone: beside a server that is running, or when none is.
    #[must_use]
    pub fn new(readers: SqlitePool) -> Self {
        Self { readers }
    }
}
