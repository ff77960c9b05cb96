//! `workers.sqlite`: how far each worker has come, and its state. Disposable: without it the log is folded again.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use domain::{
    ids::EventId,
    recorded::{Position, Revision, StreamId},
};
use sqlx::{
    ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};
use tokio::sync::Mutex;
use uuid::Uuid;

use domain::error_chain::ErrorChain;
use event_log::event_store::BoxError;

/// `user_version` of the SQL, to be raised with every change of it. A file of another version is made again.
const SCHEMA_VERSION: i64 = 1;
const SCHEMA: &str = include_str!("../../../migrations/workers/sqlite/workers.sql");
/// What SQLite appends to the name of a database for the files beside it.
const DATABASE_FILES: [&str; 3] = ["", "-wal", "-shm"];

const LOAD_CHECKPOINT: &str = "select position, folded_stream, folded_revision, folded_event, unreadable \
                               from worker_checkpoint where worker = ? and fold_version = ?";
const LOAD_ITEMS: &str = "select key, item from worker_item where worker = ?";
const CLEAR_ITEMS: &str = "delete from worker_item where worker = ?";
const SET_ITEM: &str = "insert into worker_item (worker, key, item) values (?, ?, ?) \
                        on conflict do update set item = excluded.item";
const REMOVE_ITEM: &str = "delete from worker_item where worker = ? and key = ?";
const SET_CHECKPOINT: &str = "insert into worker_checkpoint \
                              (worker, fold_version, position, folded_stream, folded_revision, folded_event, unreadable) \
                              values (?, ?, ?, ?, ?, ?, ?) on conflict do update set \
                              fold_version = excluded.fold_version, position = excluded.position, \
                              folded_stream = excluded.folded_stream, folded_revision = excluded.folded_revision, \
                              folded_event = excluded.folded_event, unreadable = excluded.unreadable";

/// The file of the workers' states cannot be used, and not be made again either.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the file with the states of the workers, {}", path.display())]
pub struct OpenError {
    path: PathBuf,
    source: BoxError,
}

/// How far a worker has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Checkpoint {
    /// Everything up to here is folded.
    pub(super) position: Position,
    /// The last event that was folded.
    pub(super) folded: Option<Folded>,
    /// How many events could not be decoded.
    pub(super) unreadable: u64,
}

/// An event by which a log is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folded {
    pub(super) stream: StreamId,
    pub(super) revision: Revision,
    pub(super) event: EventId,
}

/// What there was of a worker.
pub(super) struct Loaded {
    pub(super) checkpoint: Checkpoint,
    /// Keys and items, as JSON.
    pub(super) items: Vec<(String, String)>,
}

/// What is to be written of a worker.
pub(super) struct Changes {
    pub(super) checkpoint: Checkpoint,
    /// Keys and items, as JSON; none for a row that is gone.
    pub(super) items: Vec<(String, Option<String>)>,
    /// These are all its rows.
    pub(super) replaces_all: bool,
}

/// The file. Cheap to clone.
#[derive(Clone)]
pub(super) struct States(Arc<Mutex<SqliteConnection>>);

impl States {
    /// Opens the file at `path`; one that is missing, damaged or of another version is made again.
    pub(super) async fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError { path: path.to_owned(), source };
        let connection = match connect(path).await {
            Ok(connection) => connection,
            Err(cause) => {
                tracing::warn!("rebuilding the states of the workers from the event log: {}", ErrorChain(&*cause));
                remove(path).map_err(|error| failed(error.into()))?;
                connect(path).await.map_err(failed)?
            }
        };
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// What there is of `worker`; none if it is of another version of its fold.
    pub(super) async fn load(&self, worker: &str, fold_version: u32) -> Result<Option<Loaded>, sqlx::Error> {
        let mut rows = self.0.lock().await;
        let found = sqlx::query(LOAD_CHECKPOINT).bind(worker).bind(fold_version).fetch_optional(&mut *rows).await?;
        let Some(found) = found else { return Ok(None) };
        let checkpoint = checkpoint(&found)?;
        let items = sqlx::query_as(LOAD_ITEMS).bind(worker).fetch_all(&mut *rows).await?;
        Ok(Some(Loaded { checkpoint, items }))
    }

    /// Rows and checkpoint together, or nothing of it.
    pub(super) async fn save(&self, worker: &str, fold_version: u32, changes: &Changes) -> Result<(), sqlx::Error> {
        let Changes { checkpoint: Checkpoint { position, folded, unreadable }, items, replaces_all } = changes;
        let mut connection = self.0.lock().await;
        let mut rows = connection.begin().await?;
        if *replaces_all {
            sqlx::query(CLEAR_ITEMS).bind(worker).execute(&mut *rows).await?;
        }
        for (key, item) in items {
            let query = match item {
                Some(item) => sqlx::query(SET_ITEM).bind(worker).bind(key).bind(item),
                None => sqlx::query(REMOVE_ITEM).bind(worker).bind(key),
            };
            query.execute(&mut *rows).await?;
        }
        sqlx::query(SET_CHECKPOINT)
            .bind(worker)
            .bind(fold_version)
            .bind(position.0.cast_signed())
            .bind(folded.as_ref().map(|folded| folded.stream.as_str()))
            .bind(folded.as_ref().map(|folded| folded.revision.0.cast_signed()))
            .bind(folded.as_ref().map(|folded| folded.event.0.as_bytes().as_slice()))
            .bind(unreadable.cast_signed())
            .execute(&mut *rows)
            .await?;
        rows.commit().await
    }
}

/// `synchronous=NORMAL` may lose the last commits when the power fails: their events are folded again.
async fn connect(path: &Path) -> Result<SqliteConnection, BoxError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let found: String = sqlx::query_scalar("pragma quick_check(1)").fetch_one(&mut connection).await?;
    if found != "ok" {
        return Err(found.into());
    }
    let version: i64 = sqlx::query_scalar("pragma user_version").fetch_one(&mut connection).await?;
    match version {
        SCHEMA_VERSION => {}
        0 => {
            sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
        }
        other => return Err(format!("they are of version {other}, and this program writes {SCHEMA_VERSION}").into()),
    }
    Ok(connection)
}

fn remove(path: &Path) -> io::Result<()> {
    for suffix in DATABASE_FILES {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn checkpoint(row: &SqliteRow) -> Result<Checkpoint, sqlx::Error> {
    let stream: Option<String> = row.try_get("folded_stream")?;
    let folded = match stream {
        None => None,
        Some(stream) => Some(Folded {
            stream: stream.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            revision: Revision(row.try_get::<i64, _>("folded_revision")?.cast_unsigned()),
            event: EventId(
                Uuid::from_slice(row.try_get("folded_event")?).map_err(|error| sqlx::Error::Decode(error.into()))?,
            ),
        }),
    };
    Ok(Checkpoint {
        position: Position(row.try_get::<i64, _>("position")?.cast_unsigned()),
        folded,
        unreadable: row.try_get::<i64, _>("unreadable")?.cast_unsigned(),
    })
}
