//! The same file opened for reading only, while a server writes it or without one.

use std::{path::Path, time::Duration};

use domain::recorded::{Position, RawEvent, Recorded, Revision, StreamId};
use futures::future::BoxFuture;
use sqlx::{Row as _, SqlitePool};
use tokio::sync::watch;

use super::{OpenError, open, read};
use crate::event_store::{AppendError, Appended, EventStore, Expected, Filter, LogReader, NewEvent, Page, ReadError};

/// How often a reader looks whether the log has grown.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// An event log that this process does not write.
pub struct ReadOnlySqliteEventStore {
    readers: SqlitePool,
    published: watch::Receiver<Position>,
}

impl ReadOnlySqliteEventStore {
    /// Opens the log at `path`, which must exist. It is not locked, and nothing in it is changed or migrated.
    ///
    /// # Errors
    /// The file does not exist, is of another version, or is not a log.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        if !path.exists() {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        let readers = open::readers(path).await?;
        let head = head_of(&readers).await.map_err(open::unavailable("read", path))?;
        let (publish, published) = watch::channel(head);
        let looking = readers.clone();
        tokio::spawn(async move {
            while !publish.is_closed() && !looking.is_closed() {
                tokio::time::sleep(LOOK_EVERY).await;
                if let Ok(head) = head_of(&looking).await {
                    publish.send_if_modified(|seen| std::mem::replace(seen, head) != head);
                }
            }
        });
        Ok(Self { readers, published })
    }
}

async fn head_of(readers: &SqlitePool) -> Result<Position, sqlx::Error> {
    let row = sqlx::query("select coalesce(max(position), 0) from event").fetch_one(readers).await?;
    Ok(Position(row.try_get::<i64, _>(0)?.cast_unsigned()))
}

impl LogReader for ReadOnlySqliteEventStore {
    fn read_all<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move {
            let head = self.head().await?;
            read::all(&self.readers, after, head, filter, limit).await
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        Box::pin(async move {
            head_of(&self.readers).await.map_err(|error| ReadError::Unavailable { source: error.into() })
        })
    }

    fn hint(&self) -> watch::Receiver<Position> {
        self.published.clone()
    }
}

impl EventStore for ReadOnlySqliteEventStore {
    fn append<'a>(
        &'a self,
        _: &'a StreamId,
        _: Expected,
        _: Vec<NewEvent>,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        Box::pin(async { Err(AppendError::read_only()) })
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
        Box::pin(self.readers.close())
    }
}
