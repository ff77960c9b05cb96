//! The event log as the rest of the product sees it: append, read a stream, read all, and wait for new events.
//!
//! Everything that follows the log pulls pages from it (see [`Follower`]); an adapter only stores and reads. Each
//! adapter passes the same contract tests, `conformance`.

#[cfg(any(test, feature = "conformance"))]
#[doc(hidden)]
pub mod conformance;
mod encoded;
mod error;
mod events;
mod eventstoredb_url;
mod follow;
mod made;
mod open;
mod paging;
pub mod postgres;
pub mod sqlite;
mod url;
mod writing;

use domain::{
    ids::EventId,
    recorded::{Metadata, Position, RawEvent, Recorded, Revision, StreamId},
};
use futures::future::BoxFuture;

pub use encoded::{APPEND_BYTES_MAX, APPEND_EVENTS_MAX, EncodedEvent, encode};
pub use error::{AppendError, Limit};
pub use events::Events;
pub use eventstoredb_url::{EVENTSTOREDB_URL_EXPECTED, EventStoreDbUrl};
pub use follow::{Follower, SAFETY_POLL};
pub use open::{EventStoreDbAdapter, OpenError, open, open_read_only, register_eventstoredb};
pub use paging::SCAN_POSITIONS_MAX;
pub use ports::{
    BoxError,
    log_reader::{Filter, LogReader, Page, ReadError},
};
pub use url::{InvalidLogUrl, LogUrl};

/// Most events one read answers with, whatever it asks for.
pub const PAGE_EVENTS_MAX: u32 = 4_096;
/// A page that has reached this many bytes of payload takes no further event, so that large events cannot fill the
/// memory.
pub const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// An event to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its identity. An append that is tried again carries the same ids.
    pub event_id: EventId,
    /// The fact.
    pub event: RawEvent,
    /// Why it is recorded.
    pub metadata: Metadata,
}

/// What a stream must look like for an append to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It holds exactly this many events; `Revision(0)` means it must not exist yet.
    Revision(Revision),
    /// Anything.
    Any,
}

impl Expected {
    /// The stream must not exist yet.
    pub const NEW: Self = Self::Revision(Revision(0));
}

/// An append of several that are recorded in their order.
#[derive(Debug, Clone)]
pub struct StreamAppend {
    /// Whose events.
    pub stream: StreamId,
    /// What the stream must look like then.
    pub expected: Expected,
    /// What is recorded.
    pub events: Vec<NewEvent>,
}

/// Where an append's events are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The first event's position.
    pub first: Position,
    /// The last event's position.
    pub last: Position,
    /// The last event's revision.
    pub revision: Revision,
}

/// A durable, totally ordered log of events in streams, which is also read as a [`LogReader`].
pub trait EventStore: LogReader {
    /// Records `events` at the end of `stream`, all or none, on disk before it answers.
    ///
    /// The same ids again get the first answer again, even when `expected` is outdated by now: an append whose answer
    /// was lost is safe to repeat. Dropping the future leaves either all events recorded or none.
    ///
    /// # Errors
    /// See [`AppendError`].
    fn append<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> BoxFuture<'a, Result<Appended, AppendError>>;

    /// Records `appends` one after the other: in the log they are in this order, with nothing of the same list missing
    /// in between. What a copy of a log is made with, since its streams take turns. Together they are not larger than
    /// one append may be. A store that can records all of them or none, which is also faster.
    ///
    /// # Errors
    /// See [`AppendError`]. A beginning of `appends` may be recorded: look at the end of the log.
    fn append_in_order(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<(), AppendError>> {
        Box::pin(async move {
            for StreamAppend { stream, expected, events } in appends {
                self.append(&stream, expected, events).await?;
            }
            Ok(())
        })
    }

    /// Up to `limit` events of `stream` after revision `after`. An empty answer is the stream's end, a short one may
    /// not be ([`PAGE_EVENTS_MAX`], [`PAGE_BYTES_MAX`]).
    ///
    /// # Errors
    /// The log cannot be read.
    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Recorded<RawEvent>>, ReadError>>;

    /// Records what is waiting and lets go of the store. Later calls are refused.
    fn close(&self) -> BoxFuture<'_, ()>;
}
