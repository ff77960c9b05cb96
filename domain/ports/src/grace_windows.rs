//! The grace windows that are open, and those that closed and have something left to delete.

use chrono::{DateTime, Utc};
use domain::ids::RepositoryId;
use tokio::sync::watch;

/// A grace window that is open, or whose end is not recorded yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenWindow {
    /// Whose keys.
    pub repository: RepositoryId,
    /// The newest generation.
    pub generation: u32,
    /// When older keys end.
    pub until: DateTime<Utc>,
    /// Every machine has used its new key.
    pub every_machine_moved: bool,
}

/// A window that closed, whose sealed keys are not deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClosedWindow {
    /// Whose keys.
    pub repository: RepositoryId,
    /// The generation that began with it.
    pub generation: u32,
}

/// The windows that there are, from the read models.
pub trait Windows: Send + Sync + 'static {
    /// Those whose end is not recorded.
    fn open(&self) -> Vec<OpenWindow>;
    /// Those that closed, and whose sealed keys are not deleted.
    fn closed(&self) -> Vec<ClosedWindow>;
    /// Moves whenever one of the answers may have changed.
    fn wake(&self) -> watch::Receiver<u64>;
}
