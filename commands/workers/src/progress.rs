//! How far a worker has come, and waiting for it.

use domain::recorded::Position;
use tokio::sync::watch;

/// How far a worker has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Everything up to here is folded.
    pub position: Position,
    /// Everything up to here is folded, and written down with what follows from it.
    pub saved: Position,
    /// How many events this process has folded.
    pub folded: u64,
    /// The end of the log was reached once: the worker acts.
    pub is_live: bool,
    /// No action runs, and none is due now.
    pub is_idle: bool,
    /// How many actions have failed.
    pub failures: u64,
}

/// Follows a worker. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress(pub(super) watch::Receiver<Status>);

impl Progress {
    /// How far it is now.
    #[must_use]
    pub fn status(&self) -> Status {
        *self.0.borrow()
    }

    /// Returns when the worker is as `is` says; `None` if it has ended before.
    pub async fn until(&mut self, is: impl Fn(&Status) -> bool) -> Option<Status> {
        self.0.wait_for(|status| is(status)).await.ok().map(|status| *status)
    }

    /// Returns when the worker has reached the end of the log once, or has ended.
    pub async fn live(&mut self) {
        self.until(|status| status.is_live).await;
    }
}
