//! Following the log: catch up page by page, then wait for more.

use std::{sync::Arc, time::Duration};

use domain::recorded::Position;
use tokio::sync::watch;

use super::{EventStore, Filter, PAGE_EVENTS_MAX, Page, ReadError};

/// How long a follower trusts a silent hint before it looks for itself.
pub const SAFETY_POLL: Duration = Duration::from_secs(1);

/// A reader that goes through the whole log from a position on and never ends.
pub struct Follower {
    store: Arc<dyn EventStore>,
    filter: Filter,
    after: Position,
    hint: watch::Receiver<Position>,
}

impl Follower {
    /// Follows what `filter` lets through after `after`.
    #[must_use]
    pub fn new(store: Arc<dyn EventStore>, after: Position, filter: Filter) -> Self {
        let hint = store.hint();
        Self { store, filter, after, hint }
    }

    /// The next part of the log; waits until there is one.
    ///
    /// A page without events says that nothing up to its `next` was of interest. Safe to cancel: nothing is skipped.
    ///
    /// # Errors
    /// The log cannot be read. The next call tries the same page again.
    pub async fn next_page(&mut self) -> Result<Page, ReadError> {
        loop {
            self.hint.mark_unchanged();
            let page = self.store.read_all(self.after, &self.filter, PAGE_EVENTS_MAX).await?;
            if page.next > self.after {
                self.after = page.next;
                return Ok(page);
            }
            self.wait().await;
        }
    }

    /// Everything up to here has been answered.
    #[must_use]
    pub fn position(&self) -> Position {
        self.after
    }

    async fn wait(&mut self) {
        let changed = async {
            if self.hint.changed().await.is_err() {
                // The store was dropped: without this, the closed channel would make us spin.
                std::future::pending::<()>().await;
            }
        };
        let _elapsed = tokio::time::timeout(SAFETY_POLL, changed).await;
    }
}
