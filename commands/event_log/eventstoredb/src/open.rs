//! Opening a log in an EventStoreDB or KurrentDB.

#[cfg(test)]
mod tests;

use std::time::Duration;

use domain::recorded::Position;
use event_log::event_store::{BoxError, EVENTSTOREDB_URL_EXPECTED, EventStoreDbUrl, ReadError};
use eventstore::ClientSettings;

use super::{
    event::recorded,
    link::Link,
    memory::Memory,
    pages::{self, From},
    store::Inner,
    tail::Tail,
};

/// The oldest server that says where a stream's events are in the whole log.
pub(crate) const SERVER_VERSION_MIN: &str = "22.6";

/// Why a log in an EventStoreDB cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The client does not understand it.
    #[error("the URL {url} of the event log is not valid: expected {EVENTSTOREDB_URL_EXPECTED}")]
    Url {
        /// What was given, without its password.
        url: EventStoreDbUrl,
    },
    /// No answer, or a refusal.
    #[error("cannot use the event log at {url} (expected EventStoreDB {SERVER_VERSION_MIN} or later, or KurrentDB)")]
    Unreachable {
        /// Where.
        url: EventStoreDbUrl,
        /// The cause.
        source: BoxError,
    },
    /// Its newest event was never written by this product.
    #[error("the EventStoreDB at {url} has events of another program: an event log needs an EventStoreDB of its own")]
    Foreign {
        /// Where.
        url: EventStoreDbUrl,
        /// What is wrong with the event.
        source: BoxError,
    },
    /// There is nothing to read.
    #[error("there is no event log at {url}")]
    Missing {
        /// Where.
        url: EventStoreDbUrl,
    },
}

/// Connects, finds the end of the log, and checks that its newest event is of this product.
pub(super) async fn open(url: &EventStoreDbUrl, limit: Duration) -> Result<Inner, OpenError> {
    let unreachable = |source: BoxError| OpenError::Unreachable { url: url.clone(), source };
    let link = Link::new(settings(url)?);
    link.connection().await.map_err(|error| unreachable(error.into()))?;
    let inner = Inner { link, tail: Tail::new(), memory: Memory::new(), limit };
    let head = inner.reader().head().await.map_err(|error| unreachable(cause(error)))?;
    if head > Position(0) {
        let newest = pages::read(&inner.link, From::Position(head.0), 1, limit).await;
        for event in newest.map_err(|error| unreachable(cause(error)))?.events {
            recorded(event).map_err(|error| OpenError::Foreign { url: url.clone(), source: cause(error) })?;
        }
    }
    Ok(inner)
}

/// What the operator gave, and what an event log needs.
fn settings(url: &EventStoreDbUrl) -> Result<ClientSettings, OpenError> {
    let mut text = url.secret().to_owned();
    let given = text.to_lowercase();
    let mut set = |parameter: &str| {
        text.push(if text.contains('?') { '&' } else { '?' });
        text.push_str(parameter);
    };
    // A follower refuses appends, and may not have yet what was just appended.
    if !given.contains("nodepreference=") {
        set("nodePreference=leader");
    }
    // The client reads the machine's root certificates even when it has no use for them, and fails without.
    if given.contains("tls=false") && !given.contains("tlscafile=") {
        set("tlsCaFile=/dev/null");
    }
    text.parse().map_err(|_| OpenError::Url { url: url.clone() })
}

/// The reason alone: the error already names the action.
fn cause(error: ReadError) -> BoxError {
    match error {
        ReadError::Unavailable { source } | ReadError::Damaged { source, .. } => source,
    }
}
