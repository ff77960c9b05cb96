//! The contract tests, and what only EventStoreDB promises or breaks.
//!
//! They run against the double of `tests/eventstoredb`; with `PKGDEPLOY_TEST_KURRENTDB=esdb://…` the contract tests run against
//! that cluster instead, one after the other, without faults.

mod backend;

use std::time::{Duration, Instant};

use domain::recorded::{Position, Revision};
use event_log::event_store::{
    AppendError, EventStore, EventStoreDbUrl, Expected, Filter, Limit, LogReader, ReadError,
    conformance::{event, events, everything, ids, stream},
};
use eventstore::{Client, EventData};
use eventstoredb_double::{Double, Fault as Failure, Options};
use futures::future::join_all;

use self::backend::{Cluster, error_text};
use super::{EventStoreDbEventStore, OpenError};

mod conformance {
    event_log::event_store_conformance!(super::Cluster::new().await);
}

/// How long the one test waits that has a server which does not answer.
const IMPATIENCE: Duration = Duration::from_secs(1);
/// Long enough for everything here, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

async fn open(url: &str) -> EventStoreDbEventStore {
    let url: EventStoreDbUrl = url.parse().expect("a URL");
    EventStoreDbEventStore::open(&url).await.expect("the log opens")
}

#[tokio::test]
async fn an_append_that_fails_on_its_way_is_made_again_and_recorded_once() {
    let double = Double::start(Options::default()).await;
    let url = double.url().parse().expect("a URL");
    let store = EventStoreDbEventStore::open_within(&url, IMPATIENCE).await.expect("the log opens");
    let own = stream("release");
    let mut expected = Vec::new();
    for failure in [Failure::Unavailable, Failure::DroppedConnection, Failure::LostAcknowledgement, Failure::Hang] {
        for is_exact in [false, true] {
            double.fail_next(failure);
            let at = if is_exact { Expected::Revision(Revision(expected.len() as u64)) } else { Expected::Any };
            let batch = events(1 + expected.len() % 2);
            expected.extend(batch.iter().map(|new| new.event_id));
            let appended = store.append(&own, at, batch).await.unwrap_or_else(|error| panic!("{failure:?}: {error:?}"));
            assert_eq!(appended.revision, Revision(expected.len() as u64), "{failure:?}");
        }
    }
    assert_eq!(ids(&everything(&store, Position(0), &Filter::all()).await), expected);
}

#[tokio::test]
async fn appends_in_flight_beside_one_that_is_refused_are_recorded_once() {
    let double = Double::start(Options::default()).await;
    let (one, two) = (open(&double.url()).await, open(&double.url()).await);
    let contested = stream("project");
    for round in 0..5 {
        // The other node's append is not known here, so that the refusal comes from the server.
        two.append(&contested, Expected::Any, events(1)).await.expect("appended");
        let own: Vec<_> = (0..8).map(|_| stream("release")).collect();
        let good = join_all(own.iter().map(|own| one.append(own, Expected::NEW, events(1))));
        let race = one.append(&contested, Expected::Any, events(1));
        let (good, race) = futures::future::join(good, race).await;
        assert!(good.iter().all(Result::is_ok), "{good:?}");
        assert_eq!(race.expect("it goes behind the other's").revision, Revision(2 * round + 2));
    }
    assert_eq!(everything(&one, Position(0), &Filter::all()).await.len(), 50);
}

#[tokio::test]
async fn a_conflict_with_another_node_reports_the_streams_real_revision() {
    let double = Double::start(Options::default()).await;
    let (one, two) = (open(&double.url()).await, open(&double.url()).await);
    let own = stream("release");
    one.append(&own, Expected::NEW, events(1)).await.expect("appended");
    two.append(&own, Expected::Revision(Revision(1)), events(3)).await.expect("appended");
    let late = one.append(&own, Expected::Revision(Revision(1)), events(1)).await.expect_err("late");
    assert!(matches!(late, AppendError::Conflict { actual: Revision(4), .. }), "{late:?}");
}

#[tokio::test]
async fn a_repetition_on_another_node_gets_the_first_answer_and_a_forgery_does_not() {
    let double = Double::start(Options::default()).await;
    let (one, two) = (open(&double.url()).await, open(&double.url()).await);
    let own = stream("release");
    let batch = events(1);
    let first = one.append(&own, Expected::NEW, batch.clone()).await.expect("appended");
    one.append(&own, Expected::Any, events(2)).await.expect("appended");
    let mut forged = batch.clone();
    forged[0].event.payload = "{}".to_owned();
    // The server takes the id for a proof, and so does a node that has not looked at the log since: this one has.
    two.head().await.expect("a head");
    let error = two.append(&own, Expected::NEW, forged).await.expect_err("another payload");
    assert!(matches!(error, AppendError::IdReused { .. }), "{error:?}");
    for expected in [Expected::NEW, Expected::Any, Expected::Revision(Revision(2))] {
        assert_eq!(two.append(&own, expected, batch.clone()).await.expect("recognised"), first, "{expected:?}");
    }
}

#[tokio::test]
async fn news_of_another_node_wake_a_waiter() {
    let double = Double::start(Options::default()).await;
    let (one, two) = (open(&double.url()).await, open(&double.url()).await);
    let mut hint = one.hint();
    let appended = two.append(&stream("release"), Expected::NEW, events(1)).await.expect("appended");
    let woken = tokio::time::timeout(SOON, hint.wait_for(|position| *position == appended.last));
    woken.await.expect("in time").expect("the store is open");
}

#[tokio::test]
async fn the_systems_events_are_not_seen_and_delay_no_reader() {
    let double = Double::start(Options::default()).await;
    let store = open(&double.url()).await;
    double.system_events(5_000).await;
    assert_eq!(store.head().await.expect("a head"), Position(0));
    let appended = store.append(&stream("release"), Expected::NEW, events(1)).await.expect("appended");
    double.system_events(5_000).await;
    let page = store.read_all(Position(0), &Filter::all(), 10).await.expect("read");
    assert_eq!((page.events.len(), page.next, page.head), (1, appended.last, appended.last));
    let reads = double.reads();
    for _ in 0..10 {
        let page = store.read_all(appended.last, &Filter::all(), 10).await.expect("read");
        assert_eq!((page.events.len(), page.next, page.head), (0, appended.last, appended.last));
    }
    assert!(double.reads() - reads <= 12, "what was looked at once is not read again");
}

#[tokio::test]
async fn a_server_that_takes_less_says_that_the_append_is_too_large() {
    let double = Double::start(Options { append_bytes_max: 4_096, ..Options::default() }).await;
    let store = open(&double.url()).await;
    let own = stream("release");
    let error = store.append(&own, Expected::NEW, events(20)).await.expect_err("too large");
    assert!(matches!(error, AppendError::TooLarge { limit: Limit::Bytes }), "{error:?}");
    store.append(&own, Expected::NEW, events(1)).await.expect("the next one fits");
}

#[tokio::test]
async fn a_deleted_stream_is_reported() {
    let double = Double::start(Options::default()).await;
    let store = open(&double.url()).await;
    let own = stream("release");
    store.append(&own, Expected::NEW, events(1)).await.expect("appended");
    let client = Client::new(double.url().parse().expect("a URL")).expect("a client");
    client.tombstone_stream(own.as_str(), &Default::default()).await.expect("deleted");
    let error = store.append(&own, Expected::Any, events(1)).await.expect_err("deleted");
    assert!(error_text(&error).contains("was deleted"), "{}", error_text(&error));
    let error = store.read_stream(&own, Revision(0), 10).await.expect_err("deleted");
    assert!(error_text(&error).contains("was deleted"), "{}", error_text(&error));
}

#[tokio::test]
async fn a_log_of_something_else_is_refused_and_an_event_of_something_else_is_named() {
    let double = Double::start(Options::default()).await;
    let store = open(&double.url()).await;
    let client = Client::new(double.url().parse().expect("a URL")).expect("a client");
    let foreign = EventData::json("OrderPlaced", &"a bicycle").expect("JSON");
    client.append_to_stream("orders-1", &Default::default(), foreign).await.expect("appended");
    let error = store.read_all(Position(0), &Filter::all(), 10).await.expect_err("not ours");
    assert!(matches!(error, ReadError::Damaged { .. }), "{error:?}");
    let url = double.url().parse().expect("a URL");
    let error = EventStoreDbEventStore::open(&url).await.err();
    assert!(matches!(error, Some(OpenError::Foreign { .. })), "{error:?}");
}

#[tokio::test]
async fn a_log_that_is_only_read_must_be_there_and_takes_nothing() {
    let double = Double::start(Options::default()).await;
    let url = double.url().parse().expect("a URL");
    let missing = EventStoreDbEventStore::open_read_only(&url).await.err();
    assert!(matches!(missing, Some(OpenError::Missing { .. })), "{missing:?}");
    let writing = open(&double.url()).await;
    writing.append(&stream("release"), Expected::NEW, events(1)).await.expect("appended");
    let reading = EventStoreDbEventStore::open_read_only(&url).await.expect("there is a log now");
    assert_eq!(everything(&reading, Position(0), &Filter::all()).await.len(), 1);
    let error = reading.append(&stream("release"), Expected::NEW, events(1)).await.expect_err("refused");
    assert!(error_text(&error).contains("reading only"), "{}", error_text(&error));
}

#[tokio::test]
async fn a_follower_alone_is_no_event_log() {
    let double = Double::start(Options { nodes: 2, ..Options::default() }).await;
    let url: EventStoreDbUrl = double.url_of(1).parse().expect("a URL");
    let error = EventStoreDbEventStore::open(&url).await.err().expect("a follower");
    assert!(error_text(&error).contains("name all nodes"), "{}", error_text(&error));
}

#[tokio::test]
async fn an_unreachable_server_is_reported_and_found_when_it_starts() {
    let mut double = Double::start(Options::default()).await;
    let url: EventStoreDbUrl = double.url().parse().expect("a URL");
    let store = open(&double.url()).await;
    double.kill(0).await;
    let error = EventStoreDbEventStore::open(&url).await.err().expect("no server");
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    let error = store.append(&stream("release"), Expected::NEW, events(1)).await.expect_err("no server");
    assert!(matches!(error, AppendError::Unavailable { .. }), "{error:?}");
    double.revive(0).await;
    let came = Instant::now();
    while store.append(&stream("release"), Expected::NEW, vec![event("release.received")]).await.is_err() {
        assert!(came.elapsed() < SOON, "a server that is back is found");
    }
}

#[tokio::test]
async fn a_closed_log_refuses_everything() {
    let double = Double::start(Options::default()).await;
    let store = open(&double.url()).await;
    store.append(&stream("release"), Expected::NEW, events(1)).await.expect("appended");
    store.close().await;
    let error = store.append(&stream("release"), Expected::NEW, events(1)).await.expect_err("closed");
    assert!(matches!(error, AppendError::Unavailable { ambiguous: false, .. }), "{error:?}");
    store.head().await.expect_err("closed");
}
