//! Opening the file: the lock, the connections and their settings, the schema.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, Row, SqliteConnection, SqlitePool,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::event_store::{BoxError, made::other_than_log, writing::batch::Ends};

/// The oldest SQLite that may write a log.
///
/// Before it, a checkpoint that meets a reset of the WAL by another connection can lose committed pages.
/// Source: SQLite release notes of 3.51.3, "WAL-reset bug".
pub(crate) const SQLITE_VERSION_MIN: (u32, u32, u32) = (3, 51, 3);

/// Readers at work at once; more wait for a free connection.
const READERS_MAX: u32 = 4;
/// Rows that a reader's thread prepares ahead of the task that takes them.
const ROWS_AHEAD: usize = 1_000;
/// Pages of the WAL (16 MB) after which a commit moves them into the main file: the pages at the ends of the indexes,
/// which change with every commit, are moved once.
const CHECKPOINT_AFTER_PAGES: u32 = 4_000;
/// Page cache of the writer in KiB. The indexes grow at their ends; a long-lived stream has its own.
const WRITER_CACHE_KIB: u32 = 16_384;
/// What a log is made of.
const LOG_TABLES: [&str; 2] = ["stream", "event"];
/// How long a statement waits for another connection. This process's connections never block each other; a `sqlite3`
/// shell might.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is exactly one writer, and it is another process.
    #[error("the event log {path} is in use by another process, which holds {path}.lock: stop that process first", path = .path.display())]
    Locked {
        /// The log.
        path: PathBuf,
    },
    /// A process that only reads does not create the log.
    #[error("there is no event log {path}", path = .path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file belongs to another program. It is not changed.
    #[error(
        "the SQLite database {path} is not an event log, because it has the {what} of another program: \
         give the path of an event log, or of a file that does not exist yet",
        path = .path.display()
    )]
    OtherDatabase {
        /// The file.
        path: PathBuf,
        /// What it has: `table pets`.
        what: String,
    },
    /// The linked SQLite has a bug that loses data.
    #[error("pkgdeploy is linked with SQLite {found}, which is too old for the event log: expected {}.{}.{} or newer", SQLITE_VERSION_MIN.0, SQLITE_VERSION_MIN.1, SQLITE_VERSION_MIN.2)]
    SqliteTooOld {
        /// Its version.
        found: String,
    },
    /// The schema is not one that this version knows.
    #[error("cannot create or update the tables of the event log {path}", path = .path.display())]
    Migration {
        /// The log.
        path: PathBuf,
        /// The cause.
        source: MigrateError,
    },
    /// The disk or SQLite refuses.
    #[error("cannot {action} the event log {path}", path = .path.display())]
    Unavailable {
        /// What was tried.
        action: &'static str,
        /// The log.
        path: PathBuf,
        /// The cause.
        source: BoxError,
    },
}

pub(super) struct Opened {
    pub(super) writer: SqliteConnection,
    pub(super) readers: SqlitePool,
    pub(super) ends: Ends,
    pub(super) lock: File,
}

pub(super) async fn open(path: &Path) -> Result<Opened, OpenError> {
    refuse_other_database(path).await?;
    let lock = lock(path)?;
    let mut writer = writer_options(path).connect().await.map_err(unavailable("open", path))?;
    check_version(&mut writer, path).await?;
    migrator()
        .run_direct(None, &mut writer, false)
        .await
        .map_err(|source| OpenError::Migration { path: path.to_owned(), source })?;
    let ends = ends(&mut writer).await.map_err(unavailable("read", path))?;
    let readers = readers(path).await?;
    Ok(Opened { writer, readers, ends, lock })
}

/// A database that has something in it and no log was made for something else. Nothing is changed in it: neither its
/// settings, nor the files beside it.
async fn refuse_other_database(path: &Path) -> Result<(), OpenError> {
    if !std::fs::metadata(path).is_ok_and(|file| file.len() > 0) {
        return Ok(());
    }
    // Not a read-only connection: that would leave a WAL's files behind.
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT).disable_statement_logging();
    let mut connection = options.connect().await.map_err(unavailable("open", path))?;
    let all = "select type, name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\'";
    let all = sqlx::query_as::<_, (String, String)>(all).fetch_all(&mut connection).await;
    let all = all.map_err(unavailable("read", path))?;
    connection.close().await.map_err(unavailable("close", path))?;
    match other_than_log(&all, &LOG_TABLES) {
        Some((kind, name)) => Err(OpenError::OtherDatabase { path: path.to_owned(), what: format!("{kind} {name}") }),
        None => Ok(()),
    }
}

/// Connections that change nothing, to a file that is there.
pub(super) async fn readers(path: &Path) -> Result<SqlitePool, OpenError> {
    let readers = SqlitePoolOptions::new().max_connections(READERS_MAX).test_before_acquire(false);
    readers.connect_with(reader_options(path)).await.map_err(unavailable("open", path))
}

/// The last numbers that are in use.
pub(super) async fn ends(connection: &mut SqliteConnection) -> Result<Ends, sqlx::Error> {
    let row = sqlx::query(
        "select (select coalesce(max(position), 0) from event), (select coalesce(max(stream_id), 0) from stream)",
    )
    .fetch_one(connection)
    .await?;
    Ok(Ends {
        position: row.try_get::<i64, _>(0)?.cast_unsigned(),
        stream_number: row.try_get::<i64, _>(1)?.cast_unsigned(),
    })
}

/// Moves everything into the main file and ends the connection.
pub(super) async fn close(mut writer: SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("pragma wal_checkpoint(truncate)").execute(&mut writer).await?;
    writer.close().await
}

/// A lock on a file beside the log, because closing any descriptor of the log itself would drop SQLite's own POSIX
/// locks.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(name).map_err(unavailable("lock", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unavailable("lock", path)(source)),
    }
}

fn writer_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("wal_autocheckpoint", CHECKPOINT_AFTER_PAGES.to_string())
        .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
        .thread_name(|_| "event-log-writer".to_owned())
        .disable_statement_logging()
}

/// Read-only connections commit nothing, so they never start a checkpoint either.
fn reader_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .row_buffer_size(ROWS_AHEAD)
        .thread_name(|id| format!("event-log-reader-{id}"))
        .disable_statement_logging()
}

async fn check_version(writer: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let found: String =
        sqlx::query_scalar("select sqlite_version()").fetch_one(writer).await.map_err(unavailable("read", path))?;
    if is_safe(&found) { Ok(()) } else { Err(OpenError::SqliteTooOld { found }) }
}

pub(super) fn is_safe(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) >= SQLITE_VERSION_MIN
}

fn migrator() -> Migrator {
    let create_event_log = include_str!("../../../../../migrations/event_log/sqlite/0001_create_event_log.sql");
    Migrator::with_migrations(vec![Migration::new(
        1,
        "create event log".into(),
        MigrationType::Simple,
        sqlx::SqlSafeStr::into_sql_str(create_event_log),
        false,
    )])
}

pub(super) fn unavailable<E: Into<BoxError>>(action: &'static str, path: &Path) -> impl FnOnce(E) -> OpenError {
    move |source| OpenError::Unavailable { action, path: path.to_owned(), source: source.into() }
}
