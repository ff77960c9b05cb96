//! A stream of a part of the log, event by event.

use std::collections::VecDeque;

use domain::recorded::{Position, RawEvent, Recorded};

use super::{EventStore, Filter, PAGE_EVENTS_MAX, ReadError};

/// The events up to a position, read page by page. What is recorded meanwhile behind that position is not among them.
pub struct Events<'a> {
    store: &'a dyn EventStore,
    filter: Filter,
    page: VecDeque<Recorded<RawEvent>>,
    after: Position,
    end: Position,
}

impl<'a> Events<'a> {
    /// Those that `filter` lets through up to `end`.
    #[must_use]
    pub fn up_to(store: &'a dyn EventStore, end: Position, filter: Filter) -> Self {
        Self { store, filter, page: VecDeque::new(), after: Position(0), end }
    }

    /// All that the log holds now.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(crate) async fn up_to_now(store: &'a dyn EventStore) -> Result<Self, ReadError> {
        Ok(Self::up_to(store, store.head().await?, Filter::all()))
    }

    /// The next one; none at the end.
    ///
    /// # Errors
    /// The log cannot be read. The next call tries the same page again.
    pub async fn next(&mut self) -> Result<Option<Recorded<RawEvent>>, ReadError> {
        while self.page.is_empty() && self.after < self.end {
            let page = self.store.read_all(self.after, &self.filter, PAGE_EVENTS_MAX).await?;
            if page.next <= self.after {
                break;
            }
            self.after = page.next;
            self.page = page.events.into();
        }
        Ok(self.page.pop_front().filter(|event| event.position <= self.end))
    }

    /// The last position that may be among them.
    #[must_use]
    pub fn end(&self) -> Position {
        self.end
    }
}
