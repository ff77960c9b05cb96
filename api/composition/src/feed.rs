//! The event log, as projections read it.

use std::sync::Arc;

use domain::recorded::Position;
use event_log::event_store::{EventStore, Filter};
use futures::future::BoxFuture;
use projections::feed::{Feed, FeedError, Page};
use tokio::sync::watch;

/// Feeds projections from the event store.
pub struct LogFeed(pub Arc<dyn EventStore>);

impl Feed for LogFeed {
    fn read_all(&self, after: Position, limit: u32) -> BoxFuture<'_, Result<Page, FeedError>> {
        Box::pin(async move {
            let page = self.0.read_all(after, &Filter::all(), limit).await;
            let page = page.map_err(|error| FeedError(error.into()))?;
            Ok(Page { events: page.events, next: page.next, head: page.head })
        })
    }

    fn hint(&self) -> watch::Receiver<Position> {
        self.0.hint()
    }
}
