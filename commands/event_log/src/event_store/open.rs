//! Opening a log on any of the event stores.

use std::sync::{Arc, OnceLock};

use futures::future::BoxFuture;

use super::{
    BoxError, EventStore, EventStoreDbUrl, LogUrl,
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
    #[error(transparent)]
    EventStoreDb(BoxError),
    /// It needs another build.
    #[error(
        "this build of pkgdeploy cannot use {url}: EventStoreDB needs a build with the cargo feature `eventstoredb`"
    )]
    NotBuilt {
        /// Where the log is.
        url: EventStoreDbUrl,
    },
}

/// An open log, or the adapter's own error.
type Opening<'a> = BoxFuture<'a, Result<Arc<dyn EventStore>, BoxError>>;

/// Opens logs in an EventStoreDB or KurrentDB.
///
/// Its client has about 200 dependencies, so the adapter is a separate crate, and only a program built with it can open
/// such a log.
#[derive(Debug, Clone, Copy)]
pub struct EventStoreDbAdapter {
    /// Opens the log to write to it; an empty server is an empty log.
    pub open: for<'a> fn(&'a EventStoreDbUrl) -> Opening<'a>,
    /// Opens the log, which must be there, and never writes to it.
    pub open_read_only: for<'a> fn(&'a EventStoreDbUrl) -> Opening<'a>,
}

/// The adapter of this process, if its program was built with one.
static EVENTSTOREDB: OnceLock<EventStoreDbAdapter> = OnceLock::new();

/// Makes `esdb://…` URLs usable in this process. A program calls it once, before it opens a log; a second call changes nothing.
pub fn register_eventstoredb(adapter: EventStoreDbAdapter) {
    // The first adapter stays: both come from the same program.
    let _ = EVENTSTOREDB.set(adapter);
}

/// Opens the log at `url` to write to it, or makes it. Close it in the end.
///
/// # Errors
/// It cannot be reached or is no log of this product; a file may be in use by another process.
pub async fn open(url: &LogUrl) -> Result<Arc<dyn EventStore>, OpenError> {
    Ok(match url {
        LogUrl::Sqlite(path) => Arc::new(SqliteEventStore::open(path).await?),
        LogUrl::Postgres(url) => Arc::new(PostgresEventStore::open(url).await?),
        LogUrl::EventStoreDb(url) => (adapter(url)?.open)(url).await.map_err(OpenError::EventStoreDb)?,
    })
}

/// Opens the log at `url`, which must exist, for reading only. Another process may write to it meanwhile.
///
/// # Errors
/// It cannot be reached, or there is no log of this product.
pub async fn open_read_only(url: &LogUrl) -> Result<Arc<dyn EventStore>, OpenError> {
    Ok(match url {
        LogUrl::Sqlite(path) => Arc::new(ReadOnlySqliteEventStore::open(path).await?),
        LogUrl::Postgres(url) => Arc::new(PostgresEventStore::open_read_only(url).await?),
        LogUrl::EventStoreDb(url) => (adapter(url)?.open_read_only)(url).await.map_err(OpenError::EventStoreDb)?,
    })
}

fn adapter(url: &EventStoreDbUrl) -> Result<&'static EventStoreDbAdapter, OpenError> {
    EVENTSTOREDB.get().ok_or_else(|| OpenError::NotBuilt { url: url.clone() })
}
