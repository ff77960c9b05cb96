#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::sync::Mutex;

use domain::{organisation, recorded::Revision};
use futures::future::BoxFuture;
use sqlx::Row as _;
use uuid::Uuid;

use super::*;
use crate::{read_models::ReadModels, testing::World};

const ID: Uuid = Uuid::from_u128(1);

/// Counts events in a row, and remembers in memory which it was given.
struct Counter {
    version: u32,
    seen: Arc<Mutex<Vec<Revision>>>,
    staged: Vec<Revision>,
    /// Refuses the event of this revision.
    refuses: Option<Revision>,
}

impl Projector for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn tables(&self) -> &'static [&'static str] {
        &["counted"]
    }

    fn schema(&self) -> &'static str {
        "create table counted (revision integer not null primary key) strict"
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["organisation"]
    }

    fn load<'a>(&'a mut self, _: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async { Ok(()) })
    }

    fn apply<'a>(
        &'a mut self,
        rows: &'a mut SqliteConnection,
        recorded: &'a Recorded<Event>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            if self.refuses == Some(recorded.revision) {
                return Err(ProjectionError::Contradiction("not this one".into()));
            }
            let revision = i64::try_from(recorded.revision.0).unwrap();
            sqlx::query("insert into counted (revision) values (?)").bind(revision).execute(rows).await?;
            self.staged.push(recorded.revision);
            Ok(())
        })
    }

    fn committed(&mut self) {
        self.seen.lock().unwrap().append(&mut self.staged);
    }

    fn abandoned(&mut self) {
        self.staged.clear();
    }
}

struct Started {
    seen: Arc<Mutex<Vec<Revision>>>,
    progress: Progress,
    readers: sqlx::SqlitePool,
    task: tokio::task::JoinHandle<RunnerError>,
}

impl Started {
    fn seen(&self) -> Vec<u64> {
        self.seen.lock().unwrap().iter().map(|revision| revision.0).collect()
    }

    async fn rows(&self) -> i64 {
        sqlx::query("select count(*) from counted").fetch_one(&self.readers).await.unwrap().get(0)
    }

    async fn stop(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

async fn start(world: &World, version: u32, refuses: Option<u64>) -> Started {
    let models = ReadModels::open(world.read_models()).await.unwrap();
    let seen = Arc::new(Mutex::default());
    let counter = Counter { version, seen: Arc::clone(&seen), staged: vec![], refuses: refuses.map(Revision) };
    let projectors: Vec<Box<dyn Projector>> = vec![Box::new(counter)];
    let (runner, progress) = Runner::open(models.writer, world.feed.clone(), projectors).await.unwrap();
    Started { seen, progress, readers: models.readers, task: tokio::spawn(runner.run()) }
}

fn append(world: &World) -> Position {
    world.feed.append("organisation", ID, 1, organisation::Event::BuildSlotsSet { slots: 1 })
}

#[tokio::test]
async fn a_restart_goes_on_from_the_checkpoint() {
    let world = World::new();
    let first = start(&world, 1, None).await;
    append(&world);
    first.progress.wait_for(append(&world)).await.unwrap();
    assert_eq!(first.seen(), [1, 2]);
    first.stop().await;
    let third = append(&world);
    let again = start(&world, 1, None).await;
    again.progress.wait_for(third).await.unwrap();
    assert_eq!((again.seen(), again.rows().await), (vec![3], 3));
}

#[tokio::test]
async fn a_log_longer_than_a_batch_is_read_to_its_end() {
    let world = World::new();
    let count = u64::from(BATCH_EVENTS_MAX) + 1;
    let mut last = Position(0);
    for _ in 0..count {
        last = append(&world);
    }
    let started = start(&world, 1, None).await;
    started.progress.wait_for(last).await.unwrap();
    assert_eq!(started.seen(), (1..=count).collect::<Vec<_>>());
}

#[tokio::test]
async fn another_version_is_filled_from_the_start_of_the_log() {
    let world = World::new();
    let first = start(&world, 1, None).await;
    append(&world);
    first.progress.wait_for(append(&world)).await.unwrap();
    first.stop().await;
    let second = start(&world, 2, None).await;
    second.progress.wait_for(append(&world)).await.unwrap();
    assert_eq!((second.seen(), second.rows().await), (vec![1, 2, 3], 3));
}

#[tokio::test]
async fn what_stands_before_an_event_that_does_not_fit_is_kept() {
    let world = World::new();
    append(&world);
    let second = append(&world);
    let third = append(&world);
    let started = start(&world, 1, Some(3)).await;
    let stopped = started.progress.wait_for(third).await.unwrap_err();
    let why = "event organisation.build_slots_set at position 7: not this one".to_owned();
    assert_eq!(stopped, WaitError::Stopped { name: "counter", why });
    started.progress.wait_for(second).await.unwrap();
    assert_eq!((started.seen(), started.rows().await), (vec![1, 2], 2));
    started.stop().await;

    // A program that can read the event goes on there.
    let repaired = start(&world, 1, None).await;
    repaired.progress.wait_for(third).await.unwrap();
    assert_eq!(repaired.seen(), [3]);
}

#[tokio::test]
async fn events_of_a_newer_version_are_skipped() {
    let world = World::new();
    let started = start(&world, 1, None).await;
    let unknown = RawEvent { name: "organisation.renamed".into(), schema_version: 1, payload: "{}".into() };
    world.feed.append_raw("organisation", ID, 1, unknown);
    started.progress.wait_for(append(&world)).await.unwrap();
    assert_eq!(started.seen(), [2]);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_stops_only_those_who_want_its_kind() {
    let world = World::new();
    let started = start(&world, 1, None).await;
    let malformed = |name: &str| RawEvent { name: name.into(), schema_version: 1, payload: "{\"x\":1}".into() };
    world.feed.append_raw("keyring", ID, 1, malformed("keyring.access_key_issued"));
    started.progress.wait_for(append(&world)).await.unwrap();
    let position = world.feed.append_raw("organisation", ID, 1, malformed("organisation.created"));
    let WaitError::Stopped { why, .. } = started.progress.wait_for(position).await.unwrap_err() else { panic!() };
    assert!(why.contains("organisation.created at position 7: event organisation.created cannot be read"), "{why}");
}

#[tokio::test]
async fn a_second_writer_is_fenced_off() {
    let world = World::new();
    let first = start(&world, 1, None).await;
    first.progress.wait_for(append(&world)).await.unwrap();
    let mut other = ReadModels::open(world.read_models()).await.unwrap().writer;
    sqlx::query("update projector_checkpoint set position = position + 1").execute(&mut other).await.unwrap();
    let position = append(&world);
    assert_eq!(first.progress.wait_for(position).await, Err(WaitError::Ended));
    assert!(matches!(first.task.await.unwrap(), RunnerError::Fenced { projector: "counter", .. }));
}

#[tokio::test]
async fn each_projector_owns_the_tables_it_creates_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let models = ReadModels::open(folder.path().join("read_models.db")).await.unwrap();
    let mut rows = models.writer;
    let world = World::new();
    let projectors: Vec<Box<dyn Projector>> = vec![
        Box::new(crate::credentials::credentials(models.readers.clone()).1),
        Box::new(crate::index::repositories(models.readers.clone(), world.blobs.clone()).1),
        Box::new(crate::board::board(models.readers.clone()).1),
    ];
    let mut owned = vec!["projector_checkpoint".to_owned()];
    for projector in projectors {
        // A table that exists already fails here.
        sqlx::raw_sql(projector.schema()).execute(&mut rows).await.unwrap();
        owned.extend(projector.tables().iter().map(|table| (*table).to_owned()));
    }
    owned.sort_unstable();
    let query = "select name from sqlite_schema where type = 'table' order by name";
    let tables = sqlx::query(query).fetch_all(&mut rows).await.unwrap();
    assert_eq!(tables.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>(), owned);
}
