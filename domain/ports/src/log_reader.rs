//! Reading the event log: pages of events, and a hint when to look again.

use std::collections::BTreeSet;

use domain::{
    recorded::{Position, RawEvent, Recorded},
    stream_kind::StreamKind,
};
use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::BoxError;

/// A part of the log, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events that passed the filter. May be empty although the log continues: compare `next` with `head`.
    pub events: Vec<Recorded<RawEvent>>,
    /// Where to read on. Moves past events that the filter held back, too.
    pub next: Position,
    /// The end of the log when the page was read.
    pub head: Position,
}

/// Lets events through by their stream's kind and by their name; the default lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kinds of streams; none means all.
    pub stream_kinds: BTreeSet<StreamKind>,
    /// Names of events, such as `release.received`; none means all.
    pub event_names: BTreeSet<String>,
}

impl Filter {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Only streams of these kinds.
    #[must_use]
    pub fn kinds(kinds: impl IntoIterator<Item = StreamKind>) -> Self {
        Self { stream_kinds: kinds.into_iter().collect(), ..Self::default() }
    }

    /// Only events of these names.
    #[must_use]
    pub fn names<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self { event_names: names.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Whether nothing is held back.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.stream_kinds.is_empty() && self.event_names.is_empty()
    }
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The log cannot be reached.
    #[error("cannot read the event log")]
    Unavailable {
        /// The cause.
        source: BoxError,
    },
    /// The log holds something that was never written by this product.
    #[error("the event at position {position} of the event log is damaged")]
    Damaged {
        /// Where.
        position: Position,
        /// The cause.
        source: BoxError,
    },
}

/// A log that can be read from one end to the other, and followed.
pub trait LogReader: Send + Sync + 'static {
    /// Up to `limit` events after `after` that pass `filter`. The caller has seen everything when `next` is `head`.
    ///
    /// # Errors
    /// The log cannot be read.
    fn read_all<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page, ReadError>>;

    /// The position of the newest event.
    ///
    /// # Errors
    /// The log cannot be read.
    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>>;

    /// Changes when there may be something new. May be late or lost: it saves waiting, correctness never depends on it.
    fn hint(&self) -> watch::Receiver<Position>;
}
