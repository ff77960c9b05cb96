//! Opening a log wherever it is.

use std::sync::Arc;

#[cfg(not(feature = "eventstoredb"))]
use super::eventstoredb::EventStoreDbUrl;
#[cfg(feature = "eventstoredb")]
use super::eventstoredb::{self, EventStoreDbEventStore};
use super::{
    EventStore, LogUrl,
    postgres::{self, PostgresEventStore},
    sqlite::{self, ReadOnlySqliteEventStore, SqliteEventStore},
};

/// Why a log cannot be used, in its store's words.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// A database of a PostgreSQL server.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    /// An EventStoreDB or KurrentDB.
    #[cfg(feature = "eventstoredb")]
    #[error(transparent)]
    EventStoreDb(#[from] eventstoredb::OpenError),
    /// It needs another build.
    #[cfg(not(feature = "eventstoredb"))]
    #[error("this build cannot use {url}: EventStoreDB needs one with the cargo feature `eventstoredb`")]
    NotBuilt {
        /// Where the log is.
        url: EventStoreDbUrl,
    },
}

/// Opens the log at `url` to write to it, or makes it. Close it in the end.
///
/// # Errors
/// It cannot be reached or is no log of this product; a file may be in use by another process.
pub async fn open(url: &LogUrl) -> Result<Arc<dyn EventStore>, OpenError> {
    Ok(match url {
        LogUrl::Sqlite(path) => Arc::new(SqliteEventStore::open(path).await?),
        LogUrl::Postgres(url) => Arc::new(PostgresEventStore::open(url).await?),
        #[cfg(feature = "eventstoredb")]
        LogUrl::EventStoreDb(url) => Arc::new(EventStoreDbEventStore::open(url).await?),
        #[cfg(not(feature = "eventstoredb"))]
        LogUrl::EventStoreDb(url) => return Err(OpenError::NotBuilt { url: url.clone() }),
    })
}

/// Opens the log at `url`, which must be there, beside whoever writes to it. Nothing in it is changed.
///
/// # Errors
/// It cannot be reached, or there is no log of this product.
pub async fn open_read_only(url: &LogUrl) -> Result<Arc<dyn EventStore>, OpenError> {
    Ok(match url {
        LogUrl::Sqlite(path) => Arc::new(ReadOnlySqliteEventStore::open(path).await?),
        LogUrl::Postgres(url) => Arc::new(PostgresEventStore::open_read_only(url).await?),
        #[cfg(feature = "eventstoredb")]
        LogUrl::EventStoreDb(url) => Arc::new(EventStoreDbEventStore::open_read_only(url).await?),
        #[cfg(not(feature = "eventstoredb"))]
        LogUrl::EventStoreDb(url) => return Err(OpenError::NotBuilt { url: url.clone() }),
    })
}
