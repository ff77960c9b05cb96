//! The event log in one SQLite file: the embedded default.
//!
//! Appends go through a bounded queue to one writer task, which commits many of them at once (`writer.rs`); reads have
//! their own connections and never wait for it. An append is answered after the commit is on disk: WAL with `synchronous=FULL`.

mod by_id;
mod insert;
mod open;
mod read;
mod read_only;
mod remembered;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;

use domain::recorded::{Position, RawEvent, Recorded, Revision, StreamId};
use futures::future::BoxFuture;
use sqlx::SqlitePool;
use tokio::sync::watch;

use self::writer::Writer;
use super::{
    AppendError, Appended, EventStore, Expected, Filter, LogReader, NewEvent, Page, ReadError, StreamAppend,
    writing::queue::{Appender, queue},
};

pub use open::OpenError;

pub use read_only::ReadOnlySqliteEventStore;

/// An event log in a file.
pub struct SqliteEventStore {
    appender: Appender,
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
        let (appender, queue) = queue();
        let (publish, published) = watch::channel(Position(opened.ends.position));
        let writer = Writer::new(opened.writer, opened.lock, opened.ends, publish, queue);
        let _writer = tokio::spawn(writer.run());
        Ok(Self {
            appender,
            published,
            readers: opened.readers,
            #[cfg(test)]
            writer: _writer,
        })
    }
}

impl LogReader for SqliteEventStore {
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
}

impl EventStore for SqliteEventStore {
    fn append<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        Box::pin(self.appender.append(stream, expected, events))
    }

    fn append_in_order(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<(), AppendError>> {
        Box::pin(self.appender.append_in_order(appends))
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Recorded<RawEvent>>, ReadError>> {
        Box::pin(read::stream(&self.readers, stream, after, limit))
    }

    /// Moves everything into the main file and gives up the lock, too.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.readers.close().await;
            self.appender.close().await;
        })
    }
}
