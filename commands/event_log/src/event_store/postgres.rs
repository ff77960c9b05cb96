//! The event log in a PostgreSQL database: one log for several nodes.
//!
//! Each node has one writer task (`writer.rs`). A commit holds a lock from its first look at the log to its end, so
//! that positions are dense and grow in the order in which commits become visible: a reader of "everything after
//! position N" misses nothing, whichever node wrote it. A notification wakes the other nodes, with a slow poll as a
//! fallback.

mod commit;
mod listen;
mod open;
mod read;
#[cfg(test)]
mod tests;
mod writer;

use domain::recorded::{Position, RawEvent, Recorded, Revision, StreamId};
use futures::future::BoxFuture;
use sqlx::PgPool;
use tokio::{sync::watch, task::JoinHandle};

use self::{listen::Head, writer::Writer};
use super::{
    AppendError, Appended, EventStore, Expected, Filter, LogReader, NewEvent, Page, ReadError, StreamAppend,
    writing::queue::{Appender, queue},
};

pub use open::{OpenError, PostgresUrl};

/// An event log in a database.
pub struct PostgresEventStore {
    /// None if the log was opened for reading only.
    appender: Option<Appender>,
    head: Head,
    readers: PgPool,
    listening: JoinHandle<()>,
}

impl PostgresEventStore {
    /// Opens the log at `url`, or makes it in an empty database. Other nodes may have it open.
    ///
    /// # Errors
    /// The server cannot be reached, is older than [`POSTGRES_VERSION_MIN`] or does not keep text as UTF-8, or the database
    /// holds something else.
    pub async fn open(url: &PostgresUrl) -> Result<Self, OpenError> {
        let opened = open::open(url).await?;
        let mut store = Self::reading(opened.readers, opened.head);
        let (appender, queue) = queue();
        let writer = Writer::new(url.clone(), opened.writer, store.head.clone(), queue);
        tokio::spawn(writer.run());
        store.appender = Some(appender);
        Ok(store)
    }

    /// Opens the log at `url`, which must be there, and never writes to it.
    ///
    /// # Errors
    /// The server cannot be reached, or there is no log of this version.
    pub async fn open_read_only(url: &PostgresUrl) -> Result<Self, OpenError> {
        let (readers, head) = open::open_read_only(url).await?;
        Ok(Self::reading(readers, head))
    }

    fn reading(readers: PgPool, position: Position) -> Self {
        let head = Head::new(position);
        let listening = tokio::spawn(listen::listen(readers.clone(), head.clone()));
        Self { appender: None, head, readers, listening }
    }
}

impl LogReader for PostgresEventStore {
    fn read_all<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(read::all(&self.readers, after, filter, limit))
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(read::head(&self.readers))
    }

    fn hint(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }
}

impl EventStore for PostgresEventStore {
    fn append<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        Box::pin(async move {
            let appender = self.appender.as_ref().ok_or_else(AppendError::read_only)?;
            appender.append(stream, expected, events).await
        })
    }

    fn append_in_order(&self, appends: Vec<StreamAppend>) -> BoxFuture<'_, Result<(), AppendError>> {
        Box::pin(async move {
            let appender = self.appender.as_ref().ok_or_else(AppendError::read_only)?;
            appender.append_in_order(appends).await
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Recorded<RawEvent>>, ReadError>> {
        Box::pin(read::stream(&self.readers, stream, after, limit))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(appender) = &self.appender {
                appender.close().await;
            }
            self.listening.abort();
            self.readers.close().await;
        })
    }
}

impl Drop for PostgresEventStore {
    /// The writer ends with its queue; the listener would run for ever.
    fn drop(&mut self) {
        self.listening.abort();
    }
}
