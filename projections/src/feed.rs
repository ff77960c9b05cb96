//! The port to the event log: pages of events, and a hint when to look again.

use domain::recorded::{Position, RawEvent, Recorded};
use futures::future::BoxFuture;
use tokio::sync::watch;

/// A part of the log, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events.
    pub events: Vec<Recorded<RawEvent>>,
    /// Where to read on.
    pub next: Position,
    /// The end of the log when the page was read. The reader has seen everything when `next` has reached it.
    pub head: Position,
}

/// The log could not be read. Reading it again is always safe.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the event log")]
pub struct FeedError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A log that can be followed.
pub trait Feed: Send + Sync + 'static {
    /// Up to `limit` events after `after`.
    ///
    /// # Errors
    /// The log cannot be read.
    fn read_all(&self, after: Position, limit: u32) -> BoxFuture<'_, Result<Page, FeedError>>;

    /// Changes when there may be something new. May be late or lost: correctness never depends on it.
    fn hint(&self) -> watch::Receiver<Position>;
}
