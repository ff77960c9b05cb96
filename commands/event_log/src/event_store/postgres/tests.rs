//! The contract tests against real servers, and what only PostgreSQL promises.

use std::sync::Arc;

use domain::recorded::Position;
use futures::future::{BoxFuture, join_all};
use throwaway_postgres::{Cluster, Proxy};

use super::{OpenError, PostgresEventStore, PostgresUrl};
use crate::event_store::{
    AppendError, EventStore, Expected, Filter, LogReader,
    conformance::{Backend, Fault, event, everything, stream},
};

mod conformance {
    crate::event_store_conformance!(super::Database::new());
}

const DATABASE: &str = "log";

/// From now on each hundredth event makes its commit wait between being written and being seen.
const SLOW_COMMITS: &str = "
    create function be_slow() returns trigger language plpgsql as $$
    begin perform pg_sleep(0.002); return null; end $$;
    create constraint trigger slow after insert on event deferrable initially deferred
        for each row when (new.position % 100 = 0) execute function be_slow()";

struct Database {
    cluster: Cluster,
    proxy: Proxy,
    nodes: Vec<Arc<PostgresEventStore>>,
}

impl Database {
    fn new() -> Self {
        let cluster = Cluster::start();
        cluster.sql("postgres", &format!("create database {DATABASE}"));
        let proxy = Proxy::to(cluster.port());
        Self { cluster, proxy, nodes: Vec::new() }
    }

    fn url(&self) -> PostgresUrl {
        self.cluster.url(DATABASE).parse().expect("a URL")
    }

    async fn open(&mut self, url: &PostgresUrl) -> Arc<PostgresEventStore> {
        let node = Arc::new(PostgresEventStore::open(url).await.expect("the log opens"));
        self.nodes.push(Arc::clone(&node));
        node
    }
}

impl Backend for Database {
    fn start(&mut self) -> BoxFuture<'_, Arc<dyn EventStore>> {
        Box::pin(async {
            join_all(self.nodes.drain(..).map(|node| async move { node.close().await })).await;
            self.open(&self.url()).await as Arc<dyn EventStore>
        })
    }

    fn another_node(&mut self) -> BoxFuture<'_, Option<Arc<dyn EventStore>>> {
        Box::pin(async { Some(self.open(&self.url()).await as Arc<dyn EventStore>) })
    }

    fn inject(&mut self, fault: Fault) -> BoxFuture<'_, Option<Arc<dyn EventStore>>> {
        Box::pin(async move {
            let node = match fault {
                Fault::LostAcknowledgement => {
                    let behind: String = format!("postgres://postgres@127.0.0.1:{}/{DATABASE}", self.proxy.port());
                    let node = self.open(&behind.parse().expect("a URL")).await;
                    self.proxy.lose_the_next_acknowledgement();
                    node
                }
                Fault::DeadNode => {
                    self.cluster.disconnect_all(DATABASE);
                    self.open(&self.url()).await
                }
                Fault::Restart => {
                    self.cluster.crash();
                    self.cluster.start_again();
                    Arc::clone(self.nodes.last()?)
                }
                Fault::SlowCommits => {
                    self.cluster.sql(DATABASE, SLOW_COMMITS);
                    Arc::clone(self.nodes.last()?)
                }
            };
            Some(node as Arc<dyn EventStore>)
        })
    }
}

#[tokio::test]
async fn an_event_is_never_updated_deleted_or_truncated() {
    let mut database = Database::new();
    let store = database.start().await;
    store.append(&stream("release"), Expected::NEW, vec![event("release.received")]).await.expect("appended");
    for change in [
        "update event set payload = '{}'",
        "delete from event",
        "truncate event",
        "update stream set name = 'release-00000000-0000-0000-0000-000000000000'",
        "delete from stream",
        "truncate stream",
        "delete from log_head",
        "truncate log_head",
    ] {
        let refused = format!(
            "do $$ begin {change}; raise 'it was changed'; exception when raise_exception then \
                               if sqlerrm not like 'events are immutable%' then raise; end if; end $$"
        );
        database.cluster.sql(DATABASE, &refused);
    }
    assert_eq!(store.read_all(Position(0), &Filter::all(), 10).await.expect("read").events.len(), 1);
}

#[tokio::test]
async fn nodes_that_write_at_the_same_time_leave_no_gap() {
    let mut database = Database::new();
    let one = database.start().await;
    let two = database.another_node().await.expect("another node");
    let shared = stream("project");
    let appends = (0..200).map(|n| {
        let (node, shared) = (if n % 2 == 0 { &one } else { &two }, &shared);
        async move { node.append(shared, Expected::Any, vec![event("project.changed")]).await.expect("appended") }
    });
    join_all(appends).await;
    let positions = everything(&*one, Position(0), &Filter::all()).await;
    let positions: Vec<u64> = positions.iter().map(|event| event.position.0).collect();
    assert_eq!(positions, (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn news_of_another_node_wake_a_waiter() {
    let mut database = Database::new();
    let one = database.start().await;
    let two = database.another_node().await.expect("another node");
    let mut hint = one.hint();
    hint.mark_unchanged();
    two.append(&stream("release"), Expected::NEW, vec![event("release.received")]).await.expect("appended");
    hint.wait_for(|position| *position == Position(1)).await.expect("the store is open");
}

#[tokio::test]
async fn a_log_that_is_only_read_must_be_there_and_takes_nothing() {
    let mut database = Database::new();
    let missing = PostgresEventStore::open_read_only(&database.url()).await.err();
    assert!(matches!(missing, Some(OpenError::Missing { .. })), "{missing:?}");
    let writing = database.start().await;
    let reading = PostgresEventStore::open_read_only(&database.url()).await.expect("there is a log now");
    writing.append(&stream("release"), Expected::NEW, vec![event("release.received")]).await.expect("appended");
    assert_eq!(reading.head().await.expect("a head"), Position(1));
    let refused = reading.append(&stream("release"), Expected::NEW, vec![event("release.received")]).await;
    assert!(matches!(refused, Err(AppendError::Unavailable { ambiguous: false, .. })), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_log_is_refused_with_its_reason() {
    let cluster = Cluster::start();
    let url = |database: &str| cluster.url(database).parse::<PostgresUrl>().expect("a URL");
    let says = async |url: PostgresUrl| {
        let error = PostgresEventStore::open(&url).await.err().expect("refused");
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    };
    let text = says(url("nowhere")).await;
    assert!(text.contains("nowhere") && text.contains("does not exist"), "{text}");
    cluster.sql("postgres", "create database latin encoding 'LATIN1' template template0");
    let text = says(url("latin")).await;
    assert!(text.contains("LATIN1") && text.contains("UTF8"), "{text}");
    cluster.sql("postgres", "create database other");
    cluster.sql("other", "create table event (what text)");
    let text = says(url("other")).await;
    assert!(text.contains("other") && text.contains("is not an event log") && text.contains("table event"), "{text}");
    cluster.sql("postgres", "create database pets");
    cluster.sql("pets", "create table pet (name text)");
    let text = says(url("pets")).await;
    assert!(text.contains("table pet") && text.contains("use an empty database"), "{text}");
    let tables = "select string_agg(tablename, ' ') from pg_tables where schemaname = 'public'";
    assert_eq!(cluster.sql("pets", tables).trim(), "pet", "nothing was made there");
    // Tables of an extension, and tables in another schema, are no obstacle.
    cluster.sql("pets", "alter table pet rename to event_of_pets");
    cluster.sql("pets", "create schema animals; alter table event_of_pets set schema animals");
    PostgresEventStore::open(&url("pets")).await.expect("it has room for a log").close().await;
    cluster.crash();
    let text = says(url("postgres")).await;
    assert!(text.contains("cannot open") && text.contains("refused"), "{text}");
}
