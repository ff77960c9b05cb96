//! The contract tests against a file, and what only SQLite promises.

use std::{path::PathBuf, sync::Arc};

use domain::{
    recorded::{Position, Revision},
    stream_kind::StreamKind,
};
use futures::future::{BoxFuture, join_all};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::{OpenError, SqliteEventStore, open};
use crate::event_store::{
    APPEND_EVENTS_MAX, AppendError, EventStore, Expected, Filter, LogReader, PAGE_BYTES_MAX, PAGE_EVENTS_MAX,
    ReadError,
    conformance::{Backend, Fault, event, stream},
    paging::SCAN_POSITIONS_MAX,
    writing::{batch::BATCH_EVENTS_MAX, queue::QUEUE_REQUESTS_MAX},
};

mod conformance {
    crate::event_store_conformance!(super::Folder::new());
}

struct Folder {
    folder: TempDir,
    running: Option<Arc<SqliteEventStore>>,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), running: None }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("events.db")
    }

    async fn open(&mut self) -> Arc<SqliteEventStore> {
        if let Some(running) = self.running.take() {
            running.close().await;
        }
        let store = Arc::new(SqliteEventStore::open(self.path()).await.expect("the log opens"));
        self.running = Some(Arc::clone(&store));
        store
    }
}

impl Backend for Folder {
    fn start(&mut self) -> BoxFuture<'_, Arc<dyn EventStore>> {
        Box::pin(async { self.open().await as Arc<dyn EventStore> })
    }

    /// One process is the node and the store: its death is that of its only writer, in the middle of whatever it does.
    fn inject(&mut self, fault: Fault) -> BoxFuture<'_, Option<Arc<dyn EventStore>>> {
        Box::pin(async move {
            if !matches!(fault, Fault::DeadNode | Fault::Restart) {
                return None;
            }
            let died = self.running.take()?;
            died.writer.abort();
            let store = loop {
                match SqliteEventStore::open(self.path()).await {
                    Err(OpenError::Locked { .. }) => tokio::task::yield_now().await,
                    opened => break Arc::new(opened.expect("the log recovers")),
                }
            };
            self.running = Some(Arc::clone(&store));
            Some(store as Arc<dyn EventStore>)
        })
    }
}

#[tokio::test]
async fn an_event_is_never_updated_and_never_deleted() {
    let mut folder = Folder::new();
    let store = folder.open().await;
    store.append(&stream("release"), Expected::NEW, vec![event("release.received")]).await.expect("appended");
    let mut shell = SqliteConnectOptions::new().filename(folder.path()).connect().await.expect("the file opens");
    for change in [
        "update event set payload = '{}'",
        "update event set position = 9",
        "delete from event",
        "update stream set name = ''",
        "delete from stream",
    ] {
        let error = sqlx::query(change).execute(&mut shell).await.expect_err(change);
        assert!(error.to_string().contains("events are immutable"), "{change}: {error}");
    }
    shell.close().await.expect("closed");
    assert_eq!(store.head().await.expect("read"), Position(1));
}

#[tokio::test]
async fn a_log_in_use_cannot_be_opened_a_second_time() {
    let mut folder = Folder::new();
    let store = folder.open().await;
    let error = SqliteEventStore::open(folder.path()).await.err().expect("refused");
    assert!(matches!(&error, OpenError::Locked { path } if *path == folder.path()), "{error:?}");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    store.close().await;
    SqliteEventStore::open(folder.path()).await.expect("free again");
}

#[tokio::test]
async fn a_database_of_something_else_is_refused_and_stays_as_it_is() {
    let folder = Folder::new();
    let run = async |sql: &'static str| {
        let options = SqliteConnectOptions::new().filename(folder.path()).create_if_missing(true);
        let mut other = options.connect().await.expect("a database");
        sqlx::raw_sql(sql).execute(&mut other).await.expect("it is changed");
        other.close().await.expect("closed");
    };
    for (make, drop, named) in [
        ("create table pet (name text)", "drop table pet", "table pet"),
        ("create view pets as select 1", "drop view pets", "view pets"),
        ("create table event (what text)", "drop table event", "table event"),
        ("pragma journal_mode = wal; create table pet (name text)", "drop table pet", "table pet"),
    ] {
        run(make).await;
        let before = std::fs::read(folder.path()).expect("a file");
        let error = SqliteEventStore::open(folder.path()).await.err().expect("refused");
        assert!(matches!(&error, OpenError::OtherDatabase { .. }), "{error:?}");
        assert!(error.to_string().contains(named) && error.to_string().contains("events.db"), "{error}");
        assert_eq!(std::fs::read(folder.path()).expect("a file"), before);
        let beside = std::fs::read_dir(folder.folder.path()).expect("a folder").count();
        assert_eq!(beside, 1, "nothing was put beside it");
        run(drop).await;
    }
    SqliteEventStore::open(folder.path()).await.expect("an empty database becomes a log").close().await;
    run("create table pet (name text)").await;
    SqliteEventStore::open(folder.path()).await.expect("a log with an added table is still a log").close().await;
}

#[tokio::test]
async fn a_log_whose_making_broke_off_is_made() {
    let mut folder = Folder::new();
    folder.open().await.close().await;
    let mut begun = SqliteConnectOptions::new().filename(folder.path()).connect().await.expect("a database");
    let undo = "drop table event; drop table stream; delete from _sqlx_migrations";
    sqlx::raw_sql(undo).execute(&mut begun).await.expect("it is changed");
    begun.close().await.expect("closed");
    folder.running = None;
    folder.open().await;
}

#[tokio::test]
async fn a_closed_log_refuses_and_knows_that_nothing_was_recorded() {
    let mut folder = Folder::new();
    let store = folder.open().await;
    store.close().await;
    let refused = store.append(&stream("release"), Expected::NEW, vec![event("release.received")]).await;
    assert!(matches!(refused, Err(AppendError::Unavailable { ambiguous: false, .. })), "{refused:?}");
    let refused = store.read_stream(&stream("release"), Revision(0), 1).await;
    assert!(matches!(refused, Err(ReadError::Unavailable { .. })), "{refused:?}");
    store.close().await;
}

#[tokio::test]
async fn closing_records_what_is_waiting_and_empties_the_wal() {
    let mut folder = Folder::new();
    let store = folder.open().await;
    let streams: Vec<_> = (0..100).map(|_| stream("release")).collect();
    let appends = join_all(streams.iter().map(|own| store.append(own, Expected::NEW, vec![event("release.received")])));
    let (outcomes, ()) = futures::future::join(appends, store.close()).await;
    let recorded = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    let refused_cleanly =
        |outcome: &&Result<_, _>| matches!(outcome, Err(AppendError::Unavailable { ambiguous: false, .. }));
    assert_eq!(recorded + outcomes.iter().filter(refused_cleanly).count() as u64, 100);
    let wal = std::fs::metadata(folder.path().with_extension("db-wal")).map_or(0, |file| file.len());
    assert_eq!(wal, 0);
    assert_eq!(folder.open().await.head().await.expect("read"), Position(recorded));
}

/// What the disk holds at the moment of a crash: the files as they are, without a goodbye.
#[tokio::test]
async fn a_crash_loses_nothing_that_was_acknowledged() {
    let mut folder = Folder::new();
    let store = folder.open().await;
    let own = stream("release");
    for _ in 0..20 {
        store.append(&own, Expected::Any, vec![event("release.received")]).await.expect("appended");
    }
    let image = Folder::new();
    for suffix in ["db", "db-wal"] {
        std::fs::copy(folder.path().with_extension(suffix), image.path().with_extension(suffix)).expect("copied");
    }
    let survivor = SqliteEventStore::open(image.path()).await.expect("the log recovers");
    let events = survivor.read_stream(&own, Revision(0), 100).await.expect("read");
    assert_eq!(events, store.read_stream(&own, Revision(0), 100).await.expect("read"));
    assert_eq!(events.len(), 20);
}

#[tokio::test]
async fn a_failed_commit_answers_every_caller_and_the_next_one_works() {
    let mut folder = Folder::new();
    let store = folder.open().await;
    let mut shell = SqliteConnectOptions::new().filename(folder.path()).connect().await.expect("the file opens");
    let fault = "create trigger fault before insert on event begin select raise(abort, 'injected fault'); end";
    sqlx::query(fault).execute(&mut shell).await.expect("created");
    let own = stream("release");
    let batch = vec![event("release.received")];
    let appends = (0..20)
        .map(|_| async { store.append(&stream("release"), Expected::NEW, vec![event("release.received")]).await });
    let (first, others) =
        futures::future::join(store.append(&own, Expected::NEW, batch.clone()), join_all(appends)).await;
    for outcome in others.iter().chain([&first]) {
        assert!(matches!(outcome, Err(AppendError::Unavailable { ambiguous: true, .. })), "{outcome:?}");
    }
    sqlx::query("drop trigger fault").execute(&mut shell).await.expect("dropped");
    shell.close().await.expect("closed");
    let appended = store.append(&own, Expected::NEW, batch).await.expect("works again");
    assert_eq!((appended.first, appended.revision), (Position(1), Revision(1)));
}

#[tokio::test]
async fn a_second_writer_is_noticed_and_nothing_is_overwritten() {
    let mut folder = Folder::new();
    let store = folder.open().await;
    let shared = stream("release");
    store.append(&shared, Expected::NEW, vec![event("release.received")]).await.expect("appended");
    let mut shell = SqliteConnectOptions::new().filename(folder.path()).connect().await.expect("the file opens");
    let intrusion = "insert into event select 2, stream_id, 2, x'00', name, 1, metadata, payload from event";
    sqlx::query(intrusion).execute(&mut shell).await.expect("inserted");
    shell.close().await.expect("closed");
    let own = stream("release");
    let batch = vec![event("release.received")];
    let refused = store.append(&own, Expected::NEW, batch.clone()).await;
    assert!(matches!(refused, Err(AppendError::Unavailable { .. })), "{refused:?}");
    let appended = store.append(&own, Expected::NEW, batch).await.expect("after the intruder's event");
    assert_eq!(appended.first, Position(3));
    let late = store.append(&shared, Expected::Revision(Revision(1)), vec![event("release.received")]).await;
    assert!(matches!(late, Err(AppendError::Conflict { actual: Revision(2), .. })), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_callers_than_the_queue_holds_wait_and_are_all_answered() {
    let mut folder = Folder::new();
    let store = folder.open().await;
    let callers = (0..QUEUE_REQUESTS_MAX * 2).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(
            async move { store.append(&stream("release"), Expected::NEW, vec![event("release.received")]).await },
        )
    });
    for outcome in join_all(callers).await {
        outcome.expect("the caller ended well").expect("appended");
    }
    assert_eq!(store.head().await.expect("read").0, QUEUE_REQUESTS_MAX as u64 * 2);
}

#[tokio::test]
async fn a_commit_takes_no_more_events_than_its_insert_and_the_rest_follow() {
    let mut folder = Folder::new();
    let store = folder.open().await;
    let streams = [stream("release"), stream("release"), stream("release")];
    let sizes = [BATCH_EVENTS_MAX / 2 + 1, APPEND_EVENTS_MAX, 1];
    let appends = streams
        .iter()
        .zip(sizes)
        .map(|(own, size)| store.append(own, Expected::NEW, (0..size).map(|_| event("release.received")).collect()));
    for (outcome, size) in join_all(appends).await.into_iter().zip(sizes) {
        assert_eq!(outcome.expect("appended").revision.0, size as u64);
    }
}

#[tokio::test]
async fn a_page_is_cut_at_its_limits() {
    let mut folder = Folder::new();
    let store = folder.open().await;
    let own = stream("release");
    let mut large = event("release.received");
    large.event.payload = format!("\"{}\"", "x".repeat(1_000_000));
    for _ in 0..10 {
        large.event_id = event("release.received").event_id;
        store.append(&own, Expected::Any, vec![large.clone()]).await.expect("appended");
    }
    let cut = PAGE_BYTES_MAX.div_ceil(large.event.payload.len());
    assert_eq!(store.read_stream(&own, Revision(0), 100).await.expect("read").len(), cut);
    let page = store.read_all(Position(0), &Filter::all(), 100).await.expect("read");
    assert_eq!((page.events.len(), page.next, page.head), (cut, Position(cut as u64), Position(10)));

    for _ in 0..=PAGE_EVENTS_MAX as usize / APPEND_EVENTS_MAX {
        let many = (0..APPEND_EVENTS_MAX).map(|_| event("release.received")).collect();
        store.append(&own, Expected::Any, many).await.expect("appended");
    }
    let page = store.read_all(Position(10), &Filter::all(), u32::MAX).await.expect("read");
    assert_eq!((page.events.len(), page.next.0), (PAGE_EVENTS_MAX as usize, 10 + u64::from(PAGE_EVENTS_MAX)));
}

#[tokio::test]
async fn a_filtered_page_looks_at_a_bounded_part_of_the_log() {
    let mut folder = Folder::new();
    let store = folder.open().await;
    store.append(&stream("release"), Expected::NEW, vec![event("release.received")]).await.expect("appended");
    store.close().await;
    let mut shell = SqliteConnectOptions::new().filename(folder.path()).connect().await.expect("the file opens");
    let fill = format!(
        "with recursive n(i) as (select 2 union all select i + 1 from n where i < {}) \
         insert into event select i, stream_id, i, randomblob(16), name, 1, metadata, '' from n, (select * from event limit 1)",
        SCAN_POSITIONS_MAX + 10
    );
    sqlx::query(sqlx::AssertSqlSafe(fill)).execute(&mut shell).await.expect("filled");
    shell.close().await.expect("closed");
    let store = folder.open().await;
    let rare = event("project.added");
    store.append(&stream("project"), Expected::NEW, vec![rare]).await.expect("appended");
    let filter = Filter::kinds([StreamKind::Project]);
    let page = store.read_all(Position(0), &filter, 10).await.expect("read");
    assert_eq!((page.events.len(), page.next), (0, Position(SCAN_POSITIONS_MAX)));
    let page = store.read_all(page.next, &filter, 10).await.expect("read");
    assert_eq!((page.events.len(), page.next), (1, page.head));
}

#[test]
fn an_sqlite_that_can_lose_data_is_refused() {
    for (version, expected) in
        [("3.51.3", true), ("3.52.0", true), ("4.0", true), ("3.51.2", false), ("3.46.1", false), ("", false)]
    {
        assert_eq!(open::is_safe(version), expected, "{version}");
    }
}
