#![allow(clippy::unwrap_used, reason = "a double may fail by panicking")]
//! A log in memory, a blob store in a folder, and everything running on top of them.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    event::{Event, encode},
    ids::{CommandId, EventId},
    recorded::{Actor, Metadata, Position, RawEvent, Recorded, Revision, StreamId},
};
use futures::future::BoxFuture;
use ports::{
    blob_store::{BlobStore, BlobStoreError},
    log_reader::{Filter, LogReader, Page, ReadError},
};
use sqlx::SqlitePool;
use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use crate::{
    credentials::{self, Credentials},
    dashboard::{self, Dashboard},
    projector::Projector,
    read_models::ReadModels,
    runner::{Progress, Runner, RunnerError},
};

pub struct MemoryLog {
    events: Mutex<Vec<Recorded<RawEvent>>>,
    head: watch::Sender<Position>,
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self { events: Mutex::default(), head: watch::Sender::new(Position(0)) }
    }
}

impl MemoryLog {
    pub fn append(&self, kind: &str, id: Uuid, second: i64, event: impl Into<Event>) -> Position {
        self.append_raw(kind, id, second, encode(&event.into()))
    }

    pub fn append_raw(&self, kind: &str, id: Uuid, second: i64, event: RawEvent) -> Position {
        let mut events = self.events.lock().unwrap();
        let stream = StreamId::new(kind.parse().expect("a kind of stream"), id);
        // Gaps, as a real log may have.
        let position = Position(events.last().map_or(1, |last| last.position.0 + 3));
        let newest = events.iter().rev().find(|event| event.stream == stream);
        let revision = Revision(newest.map_or(0, |event| event.revision.0) + 1);
        events.push(Recorded {
            position,
            stream,
            revision,
            event_id: EventId(Uuid::from_u128(u128::from(position.0))),
            metadata: Metadata {
                recorded_at: at(second) + chrono::Duration::milliseconds(250),
                actor: Actor::CommandLine,
                command_id: CommandId(Uuid::from_u128(u128::from(position.0))),
                causation: None,
                origin: None,
            },
            event,
        });
        drop(events);
        self.head.send_replace(position);
        position
    }
}

impl LogReader for MemoryLog {
    /// Every event passes: projections ask for nothing else.
    fn read_all<'a>(&'a self, after: Position, _: &'a Filter, limit: u32) -> BoxFuture<'a, Result<Page, ReadError>> {
        let all = self.events.lock().unwrap();
        let start = all.partition_point(|event| event.position <= after);
        let events: Vec<_> = all[start..].iter().take(limit as usize).cloned().collect();
        let next = events.last().map_or(after, |last| last.position);
        let head = all.last().map_or(Position(0), |last| last.position);
        Box::pin(async move { Ok(Page { events, next, head }) })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        let head = *self.head.borrow();
        Box::pin(async move { Ok(head) })
    }

    fn hint(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }
}

/// Blobs as files named by their digest.
pub struct FolderBlobs {
    folder: PathBuf,
    pub puts: Mutex<Vec<Sha256>>,
}

impl BlobStore for FolderBlobs {
    fn put(&self, bytes: Bytes) -> BoxFuture<'_, Result<Sha256, BlobStoreError>> {
        Box::pin(async move {
            let digest = Sha256::of(&bytes);
            std::fs::write(self.folder.join(digest.to_string()), bytes).unwrap();
            self.puts.lock().unwrap().push(digest);
            Ok(digest)
        })
    }

    fn get(&self, digest: Sha256) -> BoxFuture<'_, Result<Bytes, BlobStoreError>> {
        Box::pin(async move {
            let found = std::fs::read(self.folder.join(digest.to_string()));
            found.map(Bytes::from).map_err(|_| BlobStoreError::Missing(digest))
        })
    }
}

/// A log, blobs and read models that live as long as the test.
pub struct World {
    pub folder: tempfile::TempDir,
    pub log: Arc<MemoryLog>,
    pub blobs: Arc<FolderBlobs>,
}

/// Projections at work; they stop when this is dropped.
pub struct Running {
    pub credentials: Credentials,
    pub dashboard: Dashboard,
    pub progress: Progress,
    pub task: JoinHandle<RunnerError>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// An empty log and no read models.
    ///
    /// # Panics
    /// If there is no place for temporary files.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let blobs = folder.path().join("blobs");
        std::fs::create_dir(&blobs).unwrap();
        let blobs = FolderBlobs { folder: blobs, puts: Mutex::default() };
        Self { folder, log: Arc::default(), blobs: Arc::new(blobs) }
    }

    pub fn read_models(&self) -> PathBuf {
        self.folder.path().join("read_models.db")
    }

    /// Opens the read models at their usual place and follows the log.
    pub async fn start(&self) -> Running {
        self.start_at("read_models.db").await
    }

    pub async fn start_at(&self, file: &str) -> Running {
        self.start_with(file, |_| Vec::new()).await
    }

    /// As [`start`](Self::start), with `more` projectors of another crate between the credentials and the dashboard.
    pub async fn start_with(&self, file: &str, more: impl FnOnce(SqlitePool) -> Vec<Box<dyn Projector>>) -> Running {
        let models = ReadModels::open(self.folder.path().join(file)).await.unwrap();
        let (credentials, first) = credentials::credentials(models.readers.clone());
        let (dashboard, last) = dashboard::dashboard(models.readers.clone());
        let mut projectors: Vec<Box<dyn Projector>> = vec![Box::new(first)];
        projectors.extend(more(models.readers));
        projectors.push(Box::new(last));
        let (runner, progress) = Runner::open(models.writer, self.log.clone(), projectors).await.unwrap();
        Running { credentials, dashboard, progress, task: tokio::spawn(runner.run()) }
    }
}

impl Running {
    /// Waits until everything at `position` shows.
    pub async fn shows(&self, position: Position) {
        self.progress.wait_for(position).await.unwrap();
    }

    /// Stops, as a process that is killed does.
    pub async fn stop(self) {
        self.task.abort();
    }
}

/// Everything in a file of read models, table by table.
pub async fn dump(path: PathBuf) -> HashMap<String, Vec<String>> {
    use sqlx::{AssertSqlSafe, Row as _};
    let models = ReadModels::open(path).await.unwrap();
    let tables = sqlx::query("select name from sqlite_schema where type = 'table'").fetch_all(&models.readers);
    let mut all = HashMap::new();
    for table in tables.await.unwrap() {
        let table: String = table.get(0);
        let columns = sqlx::query(AssertSqlSafe(format!("select name from pragma_table_info('{table}')")));
        let columns = columns.fetch_all(&models.readers).await.unwrap();
        let quoted: Vec<String> = columns.iter().map(|c| format!("quote({})", c.get::<String, _>(0))).collect();
        let select = format!("select {} from {table} order by 1, 2, 3", quoted.join(" || ',' || "));
        let select = select.replace("order by 1, 2, 3", "order by 1");
        let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&models.readers).await.unwrap();
        all.insert(table, rows.iter().map(|row| row.get(0)).collect());
    }
    all
}

pub fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}
