//! The one SQLite file of all read models: a writer for the runner, and readers for all others.

use std::path::Path;

use chrono::{DateTime, Utc};
use domain::{event::Event, recorded::Recorded};
use sqlx::{
    Connection as _, Row as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};

/// How many queries may read at the same time.
pub const READERS_MAX: u32 = 8;

/// How much of scratch read models each connection keeps in memory, in the words of SQLite: 64 MiB.
const SCRATCH_CACHE_KIB: &str = "-65536";

const CHECKPOINTS: &str = include_str!("../../migrations/read_models/sqlite/checkpoints.sql");

/// An open file of read models.
pub struct ReadModels {
    /// The only connection that writes: the runner's.
    pub writer: SqliteConnection,
    /// Read-only connections.
    pub readers: SqlitePool,
}

impl ReadModels {
    /// Opens or creates the file at `path`.
    ///
    /// `synchronous=NORMAL` may lose the last commits when the power fails. They are read from the log again.
    ///
    /// # Errors
    /// The file cannot be opened as a SQLite database.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new().journal_mode(SqliteJournalMode::Wal);
        Self::with(options.synchronous(SqliteSynchronous::Normal).filename(path)).await
    }

    /// As [`Self::open`], for read models that are not needed after a crash and not read meanwhile: nothing waits for
    /// the disk.
    ///
    /// # Errors
    /// The file cannot be opened as a SQLite database.
    pub async fn scratch(path: impl AsRef<Path>) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .journal_mode(SqliteJournalMode::Truncate)
            .synchronous(SqliteSynchronous::Off)
            .pragma("temp_store", "memory")
            .pragma("cache_size", SCRATCH_CACHE_KIB);
        Self::with(options.filename(path)).await
    }

    async fn with(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let options = options.create_if_missing(true).foreign_keys(true);
        let mut writer = SqliteConnection::connect_with(&options).await?;
        sqlx::raw_sql(CHECKPOINTS).execute(&mut writer).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS_MAX).connect_lazy_with(options.read_only(true));
        Ok(Self { writer, readers })
    }
}

/// The value whose text is in `column`.
///
/// # Errors
/// There is no such column, or its text is not one of that type.
pub fn parsed<T>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.try_get::<&str, _>(column)?.parse().map_err(|error: T::Err| sqlx::Error::Decode(error.into()))
}

/// The value whose text is in `column`, if there is one.
pub(crate) fn maybe_parsed<T>(row: &SqliteRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.try_get::<Option<&str>, _>(column)?;
    text.map(str::parse::<T>).transpose().map_err(|error: T::Err| sqlx::Error::Decode(error.into()))
}

/// When it was recorded, in microseconds since 1970: as rows hold it.
pub(crate) fn micros(recorded: &Recorded<Event>) -> i64 {
    recorded.metadata.recorded_at.timestamp_micros()
}

/// The time that [`micros`] stored in `column`.
///
/// # Errors
/// There is no such column, or its number is not a time.
pub fn time(row: &SqliteRow, column: &str) -> Result<DateTime<Utc>, sqlx::Error> {
    of_micros(row.try_get(column)?)
}

/// The time that [`micros`] stored in `column`, if there is one.
pub(crate) fn maybe_time(row: &SqliteRow, column: &str) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    row.try_get::<Option<i64>, _>(column)?.map(of_micros).transpose()
}

fn of_micros(micros: i64) -> Result<DateTime<Utc>, sqlx::Error> {
    let damaged = || sqlx::Error::Decode(format!("{micros} microseconds since 1970 are beyond every date").into());
    DateTime::from_timestamp_micros(micros).ok_or_else(damaged)
}

/// SQLite has no unsigned integers. Positions, revisions and sizes are far from the limit.
#[must_use]
pub fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// What [`signed`] stored.
#[must_use]
pub fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
