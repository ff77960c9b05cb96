#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use domain::{organisation, recorded::Revision};
use futures::future::BoxFuture;
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::Semaphore;
use uuid::Uuid;

mod upcasting;

use ports::blob_store::BlobStoreError;

use super::*;
use crate::{checkpoint::checkpoints, read_models::ReadModels, testing::World};

const ID: Uuid = Uuid::from_u128(1);

/// Counts events in a row, and remembers in memory which it was given.
struct Counter {
    name: &'static str,
    version: u32,
    seen: Arc<Mutex<Vec<Revision>>>,
    staged: Vec<Revision>,
    /// Refuses the event of this revision.
    refuses: Option<Revision>,
    /// Finds out that this one does not fit when the rows are written.
    refuses_late: Option<Revision>,
    /// Cannot reach something while this is set.
    is_cut_off: Arc<AtomicBool>,
    /// Needs one permit an event.
    permits: Arc<Semaphore>,
}

impl Counter {
    fn new(name: &'static str, version: u32, refuses: Option<u64>) -> Self {
        Self {
            name,
            version,
            seen: Arc::default(),
            staged: vec![],
            refuses: refuses.map(Revision),
            refuses_late: None,
            is_cut_off: Arc::default(),
            permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        }
    }
}

impl Projector for Counter {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn tables(&self) -> &'static [&'static str] {
        match self.name {
            "counter" => &["counted"],
            _ => &["counted_too"],
        }
    }

    fn schema(&self) -> &'static str {
        match self.name {
            "counter" => "create table counted (revision integer not null primary key) strict",
            _ => "create table counted_too (revision integer not null primary key) strict",
        }
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
            if self.is_cut_off.load(Ordering::SeqCst) {
                return Err(BlobStoreError::Unavailable("cut off".into()).into());
            }
            self.permits.acquire().await.unwrap().forget();
            let revision = i64::try_from(recorded.revision.0).unwrap();
            let insert = format!("insert into {} (revision) values (?)", self.tables()[0]);
            sqlx::query(AssertSqlSafe(insert)).bind(revision).execute(rows).await?;
            self.staged.push(recorded.revision);
            Ok(())
        })
    }

    fn finish<'a>(&'a mut self, _: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        let fits = self.refuses_late.is_none_or(|revision| !self.staged.contains(&revision));
        let result = if fits { Ok(()) } else { Err(ProjectionError::Contradiction("not this one".into())) };
        Box::pin(async { result })
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
    let counter = Counter::new("counter", version, refuses);
    let seen = counter.seen.clone();
    let (runner, progress, readers) = open(world, vec![counter]).await;
    Started { seen, progress, readers, task: tokio::spawn(runner.run()) }
}

async fn open(world: &World, counters: Vec<Counter>) -> (Runner, Progress, sqlx::SqlitePool) {
    let models = ReadModels::open(world.read_models()).await.unwrap();
    let projectors = counters.into_iter().map(|counter| Box::new(counter) as Box<dyn Projector>).collect();
    let (runner, progress) = Runner::open(models.writer, world.log.clone(), projectors).await.unwrap();
    (runner, progress, models.readers)
}

/// Both counters until everything at `until` shows; which revisions each was given.
async fn count_with_both(world: &World, version: u32, refuses: Option<u64>, until: Position) -> [Vec<u64>; 2] {
    let counters = vec![Counter::new("counter", 1, None), Counter::new("counter too", version, refuses)];
    let seen = [counters[0].seen.clone(), counters[1].seen.clone()];
    let (runner, progress, _) = open(world, counters).await;
    let task = tokio::spawn(runner.run());
    progress.wait_for_projector("counter", until).await.unwrap();
    let waited = progress.wait_for(until).await;
    assert_eq!(waited.is_err(), refuses.is_some(), "{waited:?}");
    // What it had seen is behind it: one more event goes to each of them once.
    progress.wait_for_projector("counter", append(world)).await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    seen.map(|seen| seen.lock().unwrap().iter().map(|revision| revision.0).collect())
}

fn append(world: &World) -> Position {
    world.log.append("organisation", ID, 1, organisation::Event::BuildSlotsSet { slots: 1 })
}

#[tokio::test]
async fn a_restart_continues_from_the_checkpoint() {
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
async fn events_before_one_that_does_not_fit_are_committed() {
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

    // A program that can read the event continues there.
    let repaired = start(&world, 1, None).await;
    repaired.progress.wait_for(third).await.unwrap();
    assert_eq!(repaired.seen(), [3]);
}

#[tokio::test]
async fn an_event_that_is_found_not_to_fit_when_rows_are_written_is_named_and_all_before_it_are_committed() {
    for refused in [1, 2, 7, 10] {
        let world = World::new();
        let mut last = Position(0);
        for _ in 0..10 {
            last = append(&world);
        }
        let mut counter = Counter::new("counter", 1, None);
        counter.refuses_late = Some(Revision(refused));
        let seen = counter.seen.clone();
        let (runner, progress, _) = open(&world, vec![counter]).await;
        let task = tokio::spawn(runner.run());
        let position = 1 + 3 * (refused - 1);
        let why = format!("event organisation.build_slots_set at position {position}: not this one");
        assert_eq!(progress.wait_for(last).await, Err(WaitError::Stopped { name: "counter", why }));
        let seen: Vec<u64> = seen.lock().unwrap().iter().map(|revision| revision.0).collect();
        assert_eq!(seen, (1..refused).collect::<Vec<_>>());
        task.abort();
    }
}

#[tokio::test]
async fn events_of_an_unknown_name_are_skipped() {
    let world = World::new();
    let started = start(&world, 1, None).await;
    let unknown = RawEvent { name: "organisation.renamed".into(), schema_version: 1, payload: "{}".into() };
    world.log.append_raw("organisation", ID, 1, unknown);
    started.progress.wait_for(append(&world)).await.unwrap();
    assert_eq!(started.seen(), [2]);
}

#[tokio::test]
async fn a_newer_shape_of_a_known_event_stops_those_who_want_its_kind() {
    let world = World::new();
    let started = start(&world, 1, None).await;
    let newer = |name: &str| RawEvent { name: name.into(), schema_version: 2, payload: "{}".into() };
    world.log.append_raw("keyring", ID, 1, newer("keyring.access_key_revoked"));
    started.progress.wait_for(append(&world)).await.unwrap();
    let position = world.log.append_raw("organisation", ID, 1, newer("organisation.created"));
    let WaitError::Stopped { why, .. } = started.progress.wait_for(position).await.unwrap_err() else { panic!() };
    assert!(why.contains("schema version 2") && why.contains("use a newer version"), "{why}");
    assert_eq!(started.seen(), [1]);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_stops_only_those_who_want_its_kind() {
    let world = World::new();
    let started = start(&world, 1, None).await;
    let malformed = |name: &str| RawEvent { name: name.into(), schema_version: 1, payload: "{\"x\":1}".into() };
    world.log.append_raw("keyring", ID, 1, malformed("keyring.access_key_issued"));
    started.progress.wait_for(append(&world)).await.unwrap();
    let position = world.log.append_raw("organisation", ID, 1, malformed("organisation.created"));
    let WaitError::Stopped { why, .. } = started.progress.wait_for(position).await.unwrap_err() else { panic!() };
    assert!(
        why.contains("organisation.created at position 7: the payload of event organisation.created is not valid"),
        "{why}"
    );
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
    let trouble = first.progress.health().trouble.unwrap();
    assert!(trouble.contains("another process writes to the same read models"), "{trouble}");
}

#[tokio::test]
async fn a_projector_that_is_filled_again_does_not_set_another_one_back() {
    let world = World::new();
    let mut last = Position(0);
    for _ in 0..=BATCH_EVENTS_MAX {
        last = append(&world);
    }
    count_with_both(&world, 1, None, last).await;
    let last = append(&world);
    let [ahead, again] = count_with_both(&world, 2, None, last).await;
    let newest = u64::from(BATCH_EVENTS_MAX) + 4;
    assert!(ahead.iter().all(|revision| *revision > newest - 3), "{ahead:?} was given twice");
    assert_eq!(again[..newest as usize - 1], (1..newest).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_projector_that_had_stopped_does_not_set_another_one_back() {
    let world = World::new();
    let mut last = Position(0);
    for _ in 0..BATCH_EVENTS_MAX + 10 {
        last = append(&world);
    }
    let [_, stopped] = count_with_both(&world, 1, Some(3), last).await;
    assert_eq!(stopped, [1, 2]);
    let last = append(&world);
    let [ahead, repaired] = count_with_both(&world, 1, None, last).await;
    assert!(ahead.iter().all(|revision| *revision > u64::from(BATCH_EVENTS_MAX) + 10), "{ahead:?} was given twice");
    assert_eq!(repaired[0], 3);
}

#[tokio::test]
async fn a_projector_that_cannot_reach_a_service_delays_no_other_and_continues_later() {
    let world = World::new();
    let counters = vec![Counter::new("counter", 1, None), Counter::new("counter too", 1, None)];
    let (is_cut_off, seen) = (counters[0].is_cut_off.clone(), counters[0].seen.clone());
    is_cut_off.store(true, Ordering::SeqCst);
    let (runner, progress, _) = open(&world, counters).await;
    let task = tokio::spawn(runner.run());
    for _ in 0..3 {
        progress.wait_for_projector("counter too", append(&world)).await.unwrap();
    }
    let health = progress.health();
    let trouble = health.trouble.clone().unwrap();
    assert!(trouble.starts_with("projector counter: cannot read a blob") && !health.is_good(), "{trouble}");
    assert_eq!((health.projectors[0].position, &health.projectors[0].stopped), (Position(0), &None));

    is_cut_off.store(false, Ordering::SeqCst);
    progress.wait_for(append(&world)).await.unwrap();
    assert!(progress.health().is_good());
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 4].map(Revision));
    task.abort();
}

#[tokio::test]
async fn the_first_projector_does_not_wait_for_the_second() {
    let world = World::new();
    let counters = vec![Counter::new("counter", 1, None), Counter::new("counter too", 1, None)];
    let (permits, seen) = (counters[1].permits.clone(), counters[1].seen.clone());
    permits.forget_permits(Semaphore::MAX_PERMITS);
    let (mut runner, progress, _) = open(&world, counters).await;
    runner.batch_time_max = Duration::ZERO;
    let [first, second] = [append(&world), append(&world)];
    let task = tokio::spawn(runner.run());
    progress.wait_for_projector("counter", first).await.unwrap();
    assert!(seen.lock().unwrap().is_empty(), "it still works on its first event");
    // When its time is over, the others have their turn: even of two events only one was applied.
    permits.add_permits(1);
    progress.wait_for_projector("counter too", first).await.unwrap();
    progress.wait_for_projector("counter", second).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [Revision(1)]);
    permits.add_permits(1);
    progress.wait_for(second).await.unwrap();
    task.abort();
}

#[tokio::test]
async fn the_end_of_the_runner_is_no_good_health() {
    let world = World::new();
    let started = start(&world, 1, None).await;
    let position = append(&world);
    started.progress.wait_for(position).await.unwrap();
    assert!(started.progress.health().is_good());
    let progress = started.progress.clone();
    started.stop().await;
    assert_eq!(progress.health().trouble, Some(WaitError::Ended.to_string()));
    assert!(!progress.health().is_good());
}

#[tokio::test]
async fn the_checkpoint_of_a_projector_that_is_not_there_any_more_is_forgotten() {
    let world = World::new();
    let renamed = Counter::new("counter too", 1, None);
    let (_, _, readers) = open(&world, vec![Counter::new("counter", 1, None), renamed]).await;
    let mut before: Vec<String> = checkpoints(&readers).await.unwrap().into_keys().collect();
    before.sort_unstable();
    assert_eq!(before, ["counter", "counter too"]);
    drop(start(&world, 1, None).await);
    assert_eq!(checkpoints(&readers).await.unwrap().into_keys().collect::<Vec<_>>(), ["counter"]);
}

/// The counters that come to `ends` when the log holds four events, and what each saw.
async fn replayed(refuses: Option<u64>, ends: [u64; 2]) -> Vec<(u64, Option<String>, Vec<u64>)> {
    let world = World::new();
    for second in 0..4 {
        world.log.append("organisation", ID, second, organisation::Event::BuildSlotsSet { slots: 1 });
    }
    let counters = [Counter::new("counter", 1, refuses), Counter::new("counter_too", 1, None)];
    let seen: Vec<_> = counters.iter().map(|counter| Arc::clone(&counter.seen)).collect();
    let mut projectors: Vec<(SqliteConnection, Box<dyn Projector>)> = Vec::new();
    for (n, counter) in counters.into_iter().enumerate() {
        let file = world.folder.path().join(format!("scratch-{n}.sqlite"));
        projectors.push((ReadModels::scratch(file).await.unwrap().writer, Box::new(counter)));
    }
    let mut replay = Replay::open(world.log.clone(), projectors).await.unwrap();
    let until = |name: &str| Position(ends[usize::from(name == "counter_too")]);
    replay.run(|_| Position(1), |_| {}).await.unwrap();
    let healths = replay.run(until, |_| {}).await.unwrap();
    let outcome = healths.into_iter().zip(seen).map(|(health, seen)| {
        let seen = seen.lock().unwrap().iter().map(|revision| revision.0).collect();
        (health.position.0, health.stopped, seen)
    });
    outcome.collect()
}

#[tokio::test]
async fn a_replay_brings_each_projector_to_its_own_end() {
    // Positions are 1, 4, 7, 10.
    assert_eq!(replayed(None, [10, 5]).await, [(10, None, vec![1, 2, 3, 4]), (5, None, vec![1, 2])]);
}

#[tokio::test]
async fn a_projector_that_stops_in_a_replay_names_the_event_and_delays_no_other() {
    let [(position, stopped, seen), other] = &replayed(Some(3), [10, 10]).await[..] else { panic!("two") };
    assert_eq!((*position, seen.as_slice()), (4, [1, 2].as_slice()));
    assert!(stopped.as_deref().unwrap().contains("at position 7: not this one"), "{stopped:?}");
    assert_eq!(*other, (10, None, vec![1, 2, 3, 4]));
}
