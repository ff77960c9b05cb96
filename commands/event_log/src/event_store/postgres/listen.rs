//! Notifications of events that other nodes appended.

use std::time::Duration;

use domain::recorded::Position;
use sqlx::{PgPool, postgres::PgListener};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tracing::warn;

use super::read;

/// The channel of `NOTIFY`; what it says is the log's new end.
pub(super) const CHANNEL: &str = "pkgdeploy_event_log";
/// How often the end of the log is looked up without a notification: notifications get lost with their connection.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The end of the log as far as this node knows.
#[derive(Clone)]
pub(super) struct Head(watch::Sender<Position>);

impl Head {
    pub(super) fn new(position: Position) -> Self {
        Self(watch::Sender::new(position))
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Position> {
        self.0.subscribe()
    }

    /// Wakes those who wait, if this is news: the writer and the listener say it both, in no order.
    pub(super) fn reached(&self, position: Position) {
        self.0.send_if_modified(|known| {
            let is_news = position > *known;
            *known = position.max(*known);
            is_news
        });
    }
}

/// Follows the log's end for as long as the store is open.
pub(super) async fn listen(readers: PgPool, head: Head) {
    let mut listener = None;
    while !readers.is_closed() {
        match hear(&mut listener, &readers).await {
            Ok(Some(position)) => head.reached(position),
            Ok(None) => match read::head(&readers).await {
                Ok(position) => head.reached(position),
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "cannot read the last position of the event log")
                }
            },
            Err(error) => {
                warn!(%error, "cannot listen for new events in the log: polling every {LOOK_EVERY:?}");
                listener = None;
                sleep(LOOK_EVERY).await;
            }
        }
    }
}

/// The next news; none if there was none for a while, or if some may have been missed.
async fn hear(listener: &mut Option<PgListener>, readers: &PgPool) -> Result<Option<Position>, sqlx::Error> {
    let listening = match listener {
        Some(listening) => listening,
        None => {
            let mut new = PgListener::connect_with(readers).await?;
            new.listen(CHANNEL).await?;
            listener.insert(new)
        }
    };
    match timeout(LOOK_EVERY, listening.try_recv()).await {
        Ok(heard) => Ok(heard?.and_then(|news| news.payload().parse().ok()).map(Position)),
        Err(_silence) => Ok(None),
    }
}
