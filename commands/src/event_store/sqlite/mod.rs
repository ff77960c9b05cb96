//! The event log in one SQLite file: the embedded default.
//!
//! Appends go through a bounded queue to one writer task, which commits many of them at once (`writer.rs`); reads have
//! their own connections and never wait for it. An append is answered after the commit is on disk: WAL with `synchronous=FULL`.

mod batch;
mod insert;
mod known;
mod open;
mod read;
mod read_only;
mod streams;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;

use domain::recorded::{Position, RawEvent, Recorded, Revision, StreamId};
use futures::future::BoxFuture;
use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot, watch};

use self::{
    batch::Append,
    writer::{Request, Writer},
};
use super::{AppendError, Appended, EventStore, Expected, Filter, NewEvent, Page, ReadError, encoded};

pub use open::{OpenError, SQLITE_VERSION_MIN};
pub use read_only::ReadOnlySqliteEventStore;

/// How many appends may wait for the writer; further callers wait for a place.
pub const QUEUE_APPENDS_MAX: usize = 512;

/// An event log in a file.
pub struct SqliteEventStore {
    requests: mpsc::Sender<Request>,
    published: watch::Receiver<Position>,
    readers: SqlitePool,
    #[cfg(test)]
    writer: tokio::task::JoinHandle<()>,
}

impl SqliteEventStore {
    /// Opens the log at `path`, or creates it, and locks it (`<path>.lock`) for this process.
    ///
    /// # Errors
    /// Another process has it open, SQLite is older than [`SQLITE_VERSION_MIN`], or the file cannot be opened or migrated.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let opened = open::open(path.as_ref()).await?;
        let (requests, queue) = mpsc::channel(QUEUE_APPENDS_MAX);
        let (publish, published) = watch::channel(Position(opened.ends.position));
        let writer = Writer::new(opened.writer, opened.lock, opened.ends, publish, queue);
        let _writer = tokio::spawn(writer.run());
        Ok(Self {
            requests,
            published,
            readers: opened.readers,
            #[cfg(test)]
            writer: _writer,
        })
    }

    async fn finish(&self) {
        self.readers.close().await;
        let (closed, done) = oneshot::channel();
        if self.requests.send(Request::Close(closed)).await.is_ok() {
            // An error means that the writer is gone already, which is what was wanted.
            let _gone = done.await;
        }
    }

    async fn enqueue(
        &self,
        stream: &StreamId,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        let (events, size_bytes) = encoded::encode(events)?;
        let (answer, answered) = oneshot::channel();
        let append = Append { stream: stream.clone(), expected, events, size_bytes, answer };
        self.requests.send(Request::Append(append)).await.map_err(|_| closed(false))?;
        answered.await.unwrap_or_else(|_| Err(closed(true)))
    }
}

fn closed(ambiguous: bool) -> AppendError {
    AppendError::Unavailable { ambiguous, source: "the event log is closed".into() }
}

impl EventStore for SqliteEventStore {
    fn append<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        Box::pin(self.enqueue(stream, expected, events))
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Recorded<RawEvent>>, ReadError>> {
        Box::pin(read::stream(&self.readers, stream, after, limit))
    }

    fn read_all<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        let head = *self.published.borrow();
        Box::pin(read::all(&self.readers, after, head, filter, limit))
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        let head = *self.published.borrow();
        Box::pin(async move { Ok(head) })
    }

    fn hint(&self) -> watch::Receiver<Position> {
        self.published.clone()
    }

    /// Moves everything into the main file and gives up the lock, too.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.finish())
    }
}
