//! The one SQLite file of all read models: a writer for the runner and readers for everybody else.

use std::path::Path;

use sqlx::{
    Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// How many queries may read at the same time.
pub const READERS_MAX: u32 = 8;

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
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true);
        let mut writer = SqliteConnection::connect_with(&options).await?;
        sqlx::raw_sql(CHECKPOINTS).execute(&mut writer).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS_MAX).connect_lazy_with(options.read_only(true));
        Ok(Self { writer, readers })
    }
}
