//! What every worker may rely on: it loses nothing, whenever it is killed, and when its state is lost or damaged.

mod actions;
mod looking;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use chrono::DateTime;
use domain::{
    event::{self, Event},
    ids::{CommandId, EventId},
    organisation,
    recorded::{Actor, Metadata, Position, Recorded, Revision, StreamId},
    stream_kind::StreamKind,
};
use event_log::event_store::{EventStore, Expected, NewEvent, PAGE_EVENTS_MAX, sqlite::SqliteEventStore};
use futures::FutureExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::*;

/// Long enough for everything here, on a busy machine.
const SOON: Duration = Duration::from_secs(60);
const SAVE_EVERY: Duration = Duration::from_millis(20);
const RETRY: Backoff = Backoff { first: Duration::from_millis(5), max: Duration::from_millis(20) };

/// A log with organisations, in a folder of its own.
struct Log {
    folder: TempDir,
    store: Arc<SqliteEventStore>,
}

impl Log {
    async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let store = SqliteEventStore::open(folder.path().join("log.sqlite")).await.expect("a log");
        Self { folder, store: Arc::new(store) }
    }

    fn states(&self) -> PathBuf {
        self.folder.path().join("workers.sqlite")
    }

    async fn kernel(&self) -> Kernel {
        Kernel::open(self.store.clone(), self.states()).await.expect("a kernel").saving_every(SAVE_EVERY)
    }

    async fn start<W: Worker>(&self, worker: Arc<W>) -> Started {
        let (progress, run) = self.kernel().await.follow(Shared(worker));
        Started { progress, task: AbortOnDropHandle::new(tokio::spawn(run)) }
    }

    async fn create(&self, organisation: u128) {
        let name = format!("org-{organisation}").parse().expect("a name");
        append(&*self.store, organisation, Uuid::now_v7(), organisation::Event::Created { name }).await;
    }

    async fn set_slots(&self, organisation: u128) {
        set_slots(&*self.store, organisation, Uuid::now_v7()).await;
    }

    /// How many times the slots of each organisation were set.
    async fn slots_set(&self, organisations: u128) -> Vec<usize> {
        let mut counts = Vec::new();
        for organisation in 0..organisations {
            let events =
                self.store.read_stream(&stream(organisation), Revision(0), PAGE_EVENTS_MAX).await.expect("readable");
            counts.push(events.iter().filter(|event| event.event.name == SLOTS_SET).count());
        }
        counts
    }

    /// Ends a worker, and waits until its file is closed.
    async fn stop(&self, started: Started) {
        let Started { progress, task } = started;
        drop(progress);
        task.abort();
        assert!(task.await.is_err_and(|ended| ended.is_cancelled()), "it ran until now");
        let wal = self.folder.path().join("workers.sqlite-wal");
        while wal.exists() {
            tokio::task::yield_now().await;
        }
    }

    /// Changes the file of states by hand.
    async fn change_states(&self, sql: &'static str) {
        let url = format!("sqlite://{}", self.states().display());
        let mut states = SqliteConnection::connect(&url).await.expect("the file");
        sqlx::raw_sql(sql).execute(&mut states).await.expect("changed");
        states.close().await.expect("closed");
    }
}

/// A worker at work, until it is dropped.
struct Started {
    progress: Progress,
    task: AbortOnDropHandle<()>,
}

impl Started {
    async fn until(&mut self, is: impl Fn(&Status) -> bool) -> Status {
        timeout(SOON, self.progress.until(is)).await.expect("it gets there").expect("it runs")
    }

    /// Until it has folded the log up to `head`, and has nothing to do.
    async fn done(&mut self, head: Position) -> Status {
        self.until(|status| status.is_live && status.is_idle && status.position >= head).await
    }

    /// The same, and until that is written down.
    async fn saved(&mut self) -> Status {
        self.until(|status| status.is_live && status.is_idle && status.saved == status.position).await
    }
}

const CREATED: &str = "organisation.created";
const SLOTS_SET: &str = "organisation.build_slots_set";

fn stream(organisation: u128) -> StreamId {
    StreamId::new(StreamKind::Organisation, Uuid::from_u128(organisation))
}

async fn append(store: &dyn EventStore, organisation: u128, id: Uuid, event: organisation::Event) {
    append_raw(store, organisation, id, event::encode(&Event::Organisation(event))).await;
}

async fn append_raw(store: &dyn EventStore, organisation: u128, id: Uuid, event: domain::recorded::RawEvent) {
    let metadata = Metadata {
        recorded_at: DateTime::UNIX_EPOCH,
        actor: Actor::CommandLine,
        command_id: CommandId(id),
        causation: None,
        origin: None,
    };
    let new = vec![NewEvent { event_id: EventId(id), event, metadata }];
    store.append(&stream(organisation), Expected::Any, new).await.expect("appended");
}

async fn set_slots(store: &dyn EventStore, organisation: u128, id: Uuid) {
    append(store, organisation, id, organisation::Event::BuildSlotsSet { slots: 7 }).await;
}

/// Sets the slots of every organisation that has none. The event's id makes it safe to repeat.
struct SetsSlots {
    log: Arc<dyn EventStore>,
    fold_version: u32,
    /// How often the action of each organisation fails first.
    failures: Mutex<BTreeMap<Uuid, u32>>,
    started: AtomicUsize,
}

impl SetsSlots {
    fn new(log: &Log) -> Arc<Self> {
        Self::of_version(log, 1)
    }

    fn of_version(log: &Log, fold_version: u32) -> Arc<Self> {
        let (failures, started) = (Mutex::default(), AtomicUsize::new(0));
        Arc::new(Self { log: log.store.clone(), fold_version, failures, started })
    }

    async fn set(&self, organisation: Uuid, because: EventId) -> Result<Next, ActionError> {
        let fails = match self.failures.lock().expect("no panic").get_mut(&organisation) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        };
        if fails {
            return Err(ActionError::new("cannot set the slots", "there are no slots"));
        }
        let id = Uuid::from_u128(because.0.as_u128() ^ 1);
        set_slots(&*self.log, organisation.as_u128(), id).await;
        Ok(Next::Done)
    }
}

impl Worker for SetsSlots {
    type Key = Uuid;
    type Item = EventId;

    fn spec(&self) -> Spec {
        Spec { at_once_max: 2, retry: RETRY, ..Spec::following("slots", self.fold_version, [CREATED, SLOTS_SET]) }
    }

    fn fold(&self, recorded: &Recorded<Event>, items: &mut Items<Uuid, EventId>) {
        match &recorded.event {
            Event::Organisation(organisation::Event::Created { .. }) => {
                items.insert(recorded.stream.id(), recorded.event_id);
            }
            Event::Organisation(organisation::Event::BuildSlotsSet { .. }) => {
                items.remove(&recorded.stream.id());
            }
            _ => {}
        }
    }

    fn act(self: Arc<Self>, key: &Uuid, items: &mut Items<Uuid, EventId>) -> Option<Action> {
        self.started.fetch_add(1, Ordering::Relaxed);
        let (key, because) = (*key, *items.get(key)?);
        Some(async move { self.set(key, because).await }.boxed())
    }
}

/// A worker that a test can look into.
struct Shared<W>(Arc<W>);

impl<W: Worker> Worker for Shared<W> {
    type Key = W::Key;
    type Item = W::Item;

    fn spec(&self) -> Spec {
        self.0.spec()
    }

    fn fold(&self, recorded: &Recorded<Event>, items: &mut Items<W::Key, W::Item>) {
        self.0.fold(recorded, items);
    }

    fn look(&self, items: &mut Items<W::Key, W::Item>) {
        self.0.look(items);
    }

    fn wake(&self) -> BoxStream<'static, ()> {
        self.0.wake()
    }

    fn act(self: Arc<Self>, key: &W::Key, items: &mut Items<W::Key, W::Item>) -> Option<Action> {
        self.0.clone().act(key, items)
    }
}

#[tokio::test]
async fn nothing_is_done_before_the_end_of_the_log_was_seen() {
    let log = Log::new().await;
    for organisation in 0..3 {
        log.create(organisation).await;
    }
    log.set_slots(0).await;
    log.set_slots(2).await;
    let worker = SetsSlots::new(&log);
    let mut started = log.start(worker.clone()).await;
    started.done(Position(6)).await;
    assert_eq!(log.slots_set(3).await, [1, 1, 1]);
    assert_eq!(worker.started.load(Ordering::Relaxed), 1, "only one looked undone");
    log.create(3).await;
    started.done(Position(8)).await;
    assert_eq!(log.slots_set(4).await, [1, 1, 1, 1], "and from then on at once");
}

#[tokio::test]
async fn an_empty_log_is_at_its_end() {
    let log = Log::new().await;
    let mut started = log.start(SetsSlots::new(&log)).await;
    started.until(|status| status.is_live).await;
}

/// Polls a worker so many times, and drops it. Whether it was polled so often before everything was done and written down.
async fn killed_after(polls: usize, log: &Log) -> bool {
    let (mut progress, run) = log.kernel().await.follow(Shared(SetsSlots::new(log)));
    let (mut run, mut left) = (pin!(run), polls);
    let killed = std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        run.as_mut().poll(context)
    });
    tokio::select! {
        biased;
        () = killed => true,
        _ = progress.until(|status| status.saved == Position(6) && status.is_idle) => false,
    }
}

#[tokio::test]
async fn a_worker_that_is_killed_at_any_moment_loses_nothing_and_repeats_harmlessly() {
    let mut polls = 0;
    loop {
        let log = Log::new().await;
        for organisation in 0..3 {
            log.create(organisation).await;
        }
        log.set_slots(1).await;
        // Killed twice at the same step, with and without a state of its own.
        let mut was_killed = false;
        for _ in 0..2 {
            was_killed = killed_after(polls, &log).await;
        }
        log.start(SetsSlots::new(&log)).await.done(Position(6)).await;
        assert_eq!(log.slots_set(3).await, [1, 1, 1], "killed at step {polls}");
        if !was_killed {
            assert!(polls > 5, "it had only {polls} steps");
            return;
        }
        polls += 1;
    }
}

#[tokio::test]
async fn a_start_folds_only_what_is_new_and_acts_on_what_is_left() {
    let log = Log::new().await;
    for organisation in 0..20 {
        log.create(organisation).await;
    }
    let worker = SetsSlots::new(&log);
    worker.failures.lock().expect("no panic").insert(Uuid::from_u128(4), u32::MAX);
    let mut started = log.start(worker).await;
    started.until(|status| status.saved == Position(39) && status.failures > 0).await;
    log.stop(started).await;

    let mut started = log.start(SetsSlots::new(&log)).await;
    let status = started.done(Position(40)).await;
    assert_eq!(status.folded, 1, "the one that its own action led to");
    assert_eq!(log.slots_set(20).await, [1; 20]);
    started.saved().await;
    log.stop(started).await;

    let mut started = log.start(SetsSlots::new(&log)).await;
    assert_eq!(started.done(Position(40)).await.folded, 0);
    log.create(20).await;
    assert_eq!(started.done(Position(42)).await.folded, 2);
}

#[tokio::test]
async fn an_event_that_comes_twice_is_acted_on_harmlessly() {
    let log = Log::new().await;
    let mut started = log.start(SetsSlots::new(&log)).await;
    log.create(0).await;
    log.create(0).await;
    started.done(Position(3)).await;
    log.create(1).await;
    started.done(Position(5)).await;
    assert_eq!(log.slots_set(2).await[1], 1);
}

#[tokio::test]
async fn what_fails_is_tried_again_and_counted_and_holds_up_nothing_else() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let log = Log::new().await;
    let worker = SetsSlots::new(&log);
    worker.failures.lock().expect("no panic").extend([(Uuid::from_u128(0), u32::MAX), (Uuid::from_u128(1), 3)]);
    let mut started = log.start(worker.clone()).await;
    for organisation in 0..4 {
        log.create(organisation).await;
    }
    let before = started.until(|status| status.position == Position(7) && status.failures > 5).await;
    assert_eq!(log.slots_set(4).await, [0, 1, 1, 1]);
    let metrics = recorder.handle().render();
    let after = started.until(|_| true).await;
    let value = |name: &str| -> u64 {
        let start = format!("pkgdeploy_worker_{name}{{worker=\"slots\"}} ");
        let value = metrics.lines().find_map(|line| line.strip_prefix(&start)).expect("one line of that name");
        value.parse().expect("a number")
    };
    // It goes on failing while the test looks.
    assert!((before.failures..=after.failures).contains(&value("failures_total")), "{before:?} {after:?} {metrics}");
    assert_eq!([value("lag_events"), value("items"), value("failing_items")], [0, 1, 1]);
    assert!(metrics.contains("pkgdeploy_worker_last_progress_timestamp_seconds{worker=\"slots\"} "), "{metrics}");
    worker.failures.lock().expect("no panic").clear();
    started.done(Position(8)).await;
}

#[tokio::test]
async fn a_state_that_is_of_no_use_is_made_again_of_the_log() {
    let log = Log::new().await;
    for organisation in 0..5 {
        log.create(organisation).await;
    }
    let mut started = log.start(SetsSlots::new(&log)).await;
    started.until(|status| status.saved == Position(10)).await;
    log.stop(started).await;
    let refolded = async |what: &str| {
        let mut started = log.start(SetsSlots::new(&log)).await;
        assert_eq!(started.done(Position(10)).await.folded, 10, "{what}");
        started.saved().await;
        log.stop(started).await;
        let mut again = log.start(SetsSlots::new(&log)).await;
        assert_eq!(again.done(Position(10)).await.folded, 0, "{what}: it is as good as new");
        log.stop(again).await;
    };
    std::fs::remove_file(log.states()).expect("removed");
    refolded("a missing file").await;
    std::fs::write(log.states(), "no database at all, but long enough to be looked at").expect("written");
    refolded("a file of something else").await;
    let bytes = std::fs::read(log.states()).expect("readable");
    std::fs::write(log.states(), &bytes[..bytes.len() / 2]).expect("written");
    refolded("a file that was cut off").await;
    log.change_states("pragma user_version = 99").await;
    refolded("a file of another version").await;
    log.change_states("insert into worker_item values ('slots', '\"no key\"', '\"no item\"')").await;
    refolded("a row that cannot be read").await;
    log.change_states("update worker_checkpoint set position = 11").await;
    refolded("a position that the log has not").await;
    log.change_states("update worker_checkpoint set folded_event = randomblob(16)").await;
    refolded("the state of another log").await;
    log.change_states("update worker_checkpoint set folded_revision = 99").await;
    refolded("the state of a log that was longer").await;
    log.change_states("update worker_checkpoint set fold_version = 99").await;
    refolded("another version of the fold").await;
    assert_eq!(log.slots_set(5).await, [1; 5]);
}

#[tokio::test]
async fn another_version_of_the_fold_replaces_every_row() {
    let log = Log::new().await;
    log.create(0).await;
    let worker = SetsSlots::new(&log);
    worker.failures.lock().expect("no panic").insert(Uuid::from_u128(0), u32::MAX);
    let mut started = log.start(worker).await;
    started.until(|status| status.saved == Position(1)).await;
    log.stop(started).await;
    log.set_slots(0).await;
    log.change_states("update worker_item set item = '\"00000000-0000-0000-0000-000000000000\"'").await;
    let worker = SetsSlots::of_version(&log, 2);
    let mut started = log.start(worker.clone()).await;
    assert_eq!(started.saved().await.folded, 2);
    log.stop(started).await;
    let mut started = log.start(worker.clone()).await;
    assert_eq!(started.done(Position(2)).await.folded, 0);
    assert_eq!(worker.started.load(Ordering::Relaxed), 0, "nothing is left of the row of the version before");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_passed_over_and_looked_at_again_by_the_next_start() {
    let log = Log::new().await;
    log.create(0).await;
    let mut newer = event::encode(&Event::Organisation(organisation::Event::BuildSlotsSet { slots: 1 }));
    newer.schema_version = 99;
    append_raw(&*log.store, 0, Uuid::now_v7(), newer).await;
    for _ in 0..2 {
        let mut started = log.start(SetsSlots::new(&log)).await;
        let status = started.done(Position(3)).await;
        assert!(status.folded >= 2, "{status:?}");
        started.saved().await;
        log.stop(started).await;
    }
    assert_eq!(log.slots_set(1).await, [2]);
}
