//! Which installers are in their repositories, where nobody makes any: by the log alone.

use std::sync::Arc;

use domain::{error_chain::ErrorChain, recorded::Position};
use event_log::event_store::{EventStore, Filter, Follower, PAGE_EVENTS_MAX, ReadError};
use tracing::error;

use super::{PublishedInstallers, RETRY_AFTER, backlog::Backlog};

/// Tells `published` what the log says until now. What comes out tells it the rest, and does not end.
///
/// # Errors
/// The log cannot be read.
pub async fn follow_published(
    log: Arc<dyn EventStore>,
    published: PublishedInstallers,
) -> Result<impl Future<Output = ()> + Send + 'static, ReadError> {
    let filter = Filter::names(Backlog::EVENT_NAMES);
    let mut backlog = Backlog::default();
    let mut after = Position(0);
    loop {
        let page = log.read_all(after, &filter, PAGE_EVENTS_MAX).await?;
        page.events.into_iter().for_each(|recorded| backlog.fold(recorded, &published));
        if page.next <= after || page.next >= page.head {
            after = after.max(page.next);
            break;
        }
        after = page.next;
    }
    let mut follower = Follower::new(log, after, filter);
    Ok(async move {
        loop {
            match follower.next_page().await {
                Ok(page) => page.events.into_iter().for_each(|recorded| backlog.fold(recorded, &published)),
                Err(cause) => {
                    error!(error = %ErrorChain(&cause), "cannot follow the log");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    })
}
