//! The adapter that implements the event store's port.

use std::{sync::Arc, time::Duration};

use domain::recorded::{Position, RawEvent, Recorded, Revision, StreamId};
use event_log::event_store::{
    AppendError, Appended, BoxError, EventStore, EventStoreDbUrl, Expected, Filter, LogReader, NewEvent, Page,
    ReadError,
};
use futures::future::BoxFuture;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::task::TaskTracker;

use super::{
    link::Link,
    memory::Memory,
    open::{self, OpenError},
    read::Reader,
    tail::Tail,
};

/// How soon the poll looks again after there was something new; doubled each time that there was nothing.
const POLL_MIN: Duration = Duration::from_millis(25);
/// The longest that a node waits before it looks for news of the others.
const POLL_MAX: Duration = Duration::from_secs(1);
/// How long the server may take to answer.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// An event log in an EventStoreDB or KurrentDB.
pub struct EventStoreDbEventStore {
    inner: Arc<Inner>,
    /// Appends continue when their callers are dropped, so that the cached state of their streams stays correct.
    appends: TaskTracker,
    poll: Poll,
    is_read_only: bool,
}

/// What appends, reads and the poll share.
pub(super) struct Inner {
    pub(super) link: Link,
    pub(super) tail: Tail,
    pub(super) memory: Memory,
    /// How long the server may take to answer.
    pub(super) limit: Duration,
}

impl Inner {
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { link: &self.link, tail: &self.tail, limit: self.limit }
    }

    /// Looks for events of other nodes, often while there are some.
    async fn poll(self: Arc<Self>) {
        let mut pause = POLL_MIN;
        loop {
            tokio::time::sleep(pause).await;
            let before = self.tail.end().head;
            // An unreachable server is reported by the reads and appends that fail.
            let is_news = self.reader().head().await.is_ok_and(|head| head > before);
            pause = if is_news { POLL_MIN } else { (pause * 2).min(POLL_MAX) };
        }
    }
}

impl EventStoreDbEventStore {
    /// Opens the log at `url`; an empty server is an empty log. Other nodes may have it open.
    ///
    /// # Errors
    /// The connection string is not valid, the server cannot be reached, or it holds events of another program.
    pub async fn open(url: &EventStoreDbUrl) -> Result<Self, OpenError> {
        Self::open_within(url, ANSWER_LIMIT).await
    }

    /// Opens the log at `url`, which must be there, and never writes to it.
    ///
    /// # Errors
    /// As [`open`](Self::open); or there is no event.
    pub async fn open_read_only(url: &EventStoreDbUrl) -> Result<Self, OpenError> {
        let store = Self::open(url).await?;
        if store.inner.tail.end().head == Position(0) {
            return Err(OpenError::Missing { url: url.clone() });
        }
        Ok(Self { is_read_only: true, ..store })
    }

    pub(super) async fn open_within(url: &EventStoreDbUrl, limit: Duration) -> Result<Self, OpenError> {
        let inner = Arc::new(open::open(url, limit).await?);
        let poll = tokio::spawn(Arc::clone(&inner).poll());
        Ok(Self { inner, appends: TaskTracker::new(), poll: Poll(poll), is_read_only: false })
    }

    fn may_append(&self) -> Result<(), AppendError> {
        match (self.appends.is_closed(), self.is_read_only) {
            (true, _) => Err(AppendError::Unavailable { ambiguous: false, source: CLOSED.into() }),
            (false, true) => Err(AppendError::read_only()),
            (false, false) => Ok(()),
        }
    }

    fn reader(&self) -> Result<Reader<'_>, ReadError> {
        if self.appends.is_closed() {
            return Err(ReadError::Unavailable { source: CLOSED.into() });
        }
        Ok(self.inner.reader())
    }
}

const CLOSED: &str = "the event log is closed";

impl LogReader for EventStoreDbEventStore {
    fn read_all<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move { self.reader()?.all(after, filter, limit).await })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async { self.reader()?.head().await })
    }

    fn hint(&self) -> watch::Receiver<Position> {
        self.inner.tail.subscribe()
    }
}

impl EventStore for EventStoreDbEventStore {
    fn append<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        Box::pin(async move {
            self.may_append()?;
            let (inner, stream) = (Arc::clone(&self.inner), stream.clone());
            let append = self.appends.spawn(async move { inner.append(&stream, expected, events).await });
            let ended = |source: BoxError| AppendError::Unavailable { ambiguous: true, source };
            append.await.unwrap_or_else(|error| Err(ended(error.into())))
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Recorded<RawEvent>>, ReadError>> {
        Box::pin(async move {
            let events = self.reader()?.stream(stream, after, limit).await?;
            self.inner.memory.overhear(stream, &events);
            Ok(events)
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.appends.close();
            self.appends.wait().await;
            self.poll.0.abort();
        })
    }
}

/// The poll, which would otherwise run for ever without its store.
struct Poll(JoinHandle<()>);

impl Drop for Poll {
    fn drop(&mut self) {
        self.0.abort();
    }
}
