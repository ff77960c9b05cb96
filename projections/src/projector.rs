//! The trait of projectors, and the error for an event that does not fit.

use domain::{
    event::Event,
    recorded::{RawEvent, Recorded},
};
use futures::future::BoxFuture;
use ports::blob_store::BlobStoreError;
use sqlx::{SqliteConnection, SqlitePool};

/// Why an event could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The event contradicts earlier ones. The projector stops: a wrong answer is worse than a late one.
    #[error("{0}")]
    Contradiction(String),
    /// The read models cannot be read or written.
    #[error("cannot read or write the read models (tables built from the event log)")]
    Rows(#[from] sqlx::Error),
    /// A blob that an event names cannot be fetched.
    #[error("cannot read a blob (stored file) that an event names")]
    Blob(#[from] BlobStoreError),
}

impl ProjectionError {
    /// May the same event succeed later, with nothing changed here?
    #[must_use]
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Contradiction(_) | Self::Blob(BlobStoreError::Missing(_)) => false,
            Self::Blob(BlobStoreError::Unavailable(_)) => true,
            // A constraint that fails or a value that does not decode will do so again.
            Self::Rows(sqlx::Error::Database(error)) => {
                matches!(error.kind(), sqlx::error::ErrorKind::Other)
            }
            Self::Rows(sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::RowNotFound) => false,
            Self::Rows(_) => true,
        }
    }
}

/// Folds events into rows of its own tables, and into memory when the rows are committed.
pub trait Projector: Send + Sync + 'static {
    /// Its name in the checkpoints.
    fn name(&self) -> &'static str;

    /// Goes up when the tables or their meaning change: then they are dropped and filled from the log again.
    fn version(&self) -> u32;

    /// Its tables; only this projector writes them.
    fn tables(&self) -> &'static [&'static str];

    /// The SQL that creates its tables.
    fn schema(&self) -> &'static str;

    /// The kinds of stream whose events it needs: `repository`. It is given no others.
    fn kinds(&self) -> &'static [&'static str] {
        &[]
    }

    /// Fills its memory from its rows, when the process starts or the tables were created again.
    fn load<'a>(&'a mut self, rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>>;

    /// Writes what `recorded`, of one of its kinds, changes. Nothing shows in memory before [`Self::committed`].
    fn apply<'a>(
        &'a mut self,
        _rows: &'a mut SqliteConnection,
        _recorded: &'a Recorded<Event>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async { Ok(()) })
    }

    /// Whether it is given every event as it is stored, whatever its kind, name and version, through
    /// [`Self::apply_stored`], and none through [`Self::apply`].
    fn wants_stored(&self) -> bool {
        false
    }

    /// Writes what `stored` changes; `event` is what it says, and none if a newer version wrote it.
    fn apply_stored<'a>(
        &'a mut self,
        _rows: &'a mut SqliteConnection,
        _stored: &'a Recorded<RawEvent>,
        _event: Option<&'a Event>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async { Ok(()) })
    }

    /// Writes what was only collected since the transaction began: it is about to be committed.
    fn finish<'a>(&'a mut self, _rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async { Ok(()) })
    }

    /// Every event applied since the last call is in committed rows.
    fn committed(&mut self);

    /// Every event applied since the last call was rolled back.
    fn abandoned(&mut self);
}

/// Makes a projector, given readers of the rows that it fills.
pub type MakeProjector = Box<dyn FnOnce(SqlitePool) -> Box<dyn Projector> + Send>;
