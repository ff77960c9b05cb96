//! Faults between a caller and the log: no acknowledged event is lost, and no event is stored twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::{
    ids::EventId,
    recorded::{Position, RawEvent, Recorded, Revision, StreamId},
};
use futures::future::{join_all, try_join_all};
use tokio::{sync::watch, time::timeout};

use super::{Backend, Fault, PATIENCE, events, everything, ids, stream, whole};
use crate::event_store::{AppendError, Appended, EventStore, Expected, Filter, NewEvent, PAGE_EVENTS_MAX};

const WRITERS: usize = 8;
/// Appends that are acknowledged before each fault, and after the last one.
const APPENDS_BETWEEN: usize = 150;
const FAULTS: usize = 3;
/// Events that a tailing reader must see beside a writer whose commits are slow.
const DELAYED_EVENTS: usize = 100_000;
const DELAYED_EVENTS_EACH: usize = 250;
/// How long a caller waits before it repeats an append that could not be made.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

pub async fn a_lost_acknowledgement_loses_and_doubles_nothing(backend: &mut impl Backend) {
    let _store = backend.start().await;
    let own = stream("release");
    let mut expected = Vec::new();
    for round in 0..5 {
        let Some(store) = backend.inject(Fault::LostAcknowledgement).await else { return };
        let batch = events(2);
        expected.extend(batch.iter().map(|new| new.event_id));
        let at = if round % 2 == 0 { Expected::Any } else { Expected::Revision(Revision(2 * round)) };
        let appended = persist(&watch::Sender::new(store), &own, at, batch).await;
        assert_eq!(appended.revision, Revision(2 * round + 2));
    }
    let store = backend.start().await;
    assert_eq!(ids(&whole(&*store, &own).await), expected);
}

pub async fn a_dead_node_loses_and_doubles_nothing(backend: &mut impl Backend) {
    fails_under_load(backend, Fault::DeadNode).await;
}

pub async fn a_restart_of_the_store_under_load_loses_and_doubles_nothing(backend: &mut impl Backend) {
    fails_under_load(backend, Fault::Restart).await;
}

pub async fn a_tailing_reader_beside_a_delayed_writer_loses_nothing(backend: &mut impl Backend) {
    let node = backend.start().await;
    let nodes = match backend.another_node().await {
        Some(other) => vec![node, other],
        None => vec![node],
    };
    // A store that cannot be slow on purpose is as slow as it is.
    let _cannot = backend.inject(Fault::SlowCommits).await;
    let appends_each = DELAYED_EVENTS / DELAYED_EVENTS_EACH / WRITERS;
    let total = appends_each * DELAYED_EVENTS_EACH * WRITERS;
    let tails = nodes.iter().map(|node| {
        let node = watch::Sender::new(Arc::clone(node));
        tokio::spawn(async move { tail(&node, total).await })
    });
    let tails: Vec<_> = tails.collect();
    let writers = (0..WRITERS).map(|writer| {
        let node = Arc::clone(&nodes[writer % nodes.len()]);
        tokio::spawn(async move {
            let own = stream("release");
            for _ in 0..appends_each {
                let appended = node.append(&own, Expected::Any, events(DELAYED_EVENTS_EACH)).await;
                appended.expect("nothing is wrong but the time that it takes");
            }
        })
    });
    let written = try_join_all(writers);
    timeout(PATIENCE, written).await.expect("in time").expect("the writers ended well");
    for tail in tails {
        let seen = timeout(PATIENCE, tail).await.expect("a reader lost something").expect("the reader ended well");
        assert_in_order(&seen);
        assert_eq!(seen.len(), total);
    }
}

async fn fails_under_load(backend: &mut impl Backend, fault: Fault) {
    let store = Arc::new(watch::Sender::new(backend.start().await));
    let load = Arc::new(Load::default());
    let shared = stream("project");
    let writers = (0..WRITERS).map(|_| {
        let (load, store, shared) = (Arc::clone(&load), Arc::clone(&store), shared.clone());
        tokio::spawn(async move { load.write(&store, &shared).await })
    });
    let writers: Vec<_> = writers.collect();
    for round in 1..=FAULTS {
        load.until(APPENDS_BETWEEN * round).await;
        let Some(now) = backend.inject(fault).await else { break };
        store.send_replace(now);
    }
    load.until(APPENDS_BETWEEN * (FAULTS + 1)).await;
    load.is_over.store(true, Ordering::Relaxed);

    let mut acknowledged = BTreeMap::new();
    for writer in join_all(writers).await {
        acknowledged.extend(writer.expect("the writer ended well"));
    }
    let seen = timeout(PATIENCE, tail(&store, acknowledged.len())).await.expect("something acknowledged is lost");
    assert_in_order(&seen);
    let store = Arc::clone(&store.borrow());
    assert_eq!(everything(&*store, Position(0), &Filter::all()).await, seen);
    let places: BTreeMap<_, _> = seen.iter().map(|event| (event.event_id, event.position)).collect();
    assert_eq!(places.len(), seen.len(), "an event is there twice");
    assert_eq!(places, acknowledged, "what is there is what was acknowledged, where it was said to be");
}

/// Callers that append as fast as they can, and repeat what was not answered.
#[derive(Default)]
struct Load {
    acknowledged: AtomicUsize,
    is_over: AtomicBool,
}

impl Load {
    /// The ids that were acknowledged, and where the answers said that they are.
    async fn write(
        &self,
        store: &watch::Sender<Arc<dyn EventStore>>,
        shared: &StreamId,
    ) -> BTreeMap<EventId, Position> {
        let own = stream("release");
        let mut places = BTreeMap::new();
        let mut revision = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            for (stream, expected) in [(&own, Expected::Revision(Revision(revision))), (shared, Expected::Any)] {
                let batch = events(1);
                let id = batch[0].event_id;
                let appended = persist(store, stream, expected, batch).await;
                places.insert(id, appended.last);
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            revision += 1;
        }
        places
    }

    async fn until(&self, appends: usize) {
        let reached = async {
            while self.acknowledged.load(Ordering::Relaxed) < appends {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        };
        timeout(PATIENCE, reached).await.expect("the store answers again");
    }
}

/// What a careful caller does: the same ids again, until there is an answer.
async fn persist(
    store: &watch::Sender<Arc<dyn EventStore>>,
    stream: &StreamId,
    expected: Expected,
    batch: Vec<NewEvent>,
) -> Appended {
    loop {
        let now = Arc::clone(&store.borrow());
        match now.append(stream, expected, batch.clone()).await {
            Ok(appended) => return appended,
            Err(AppendError::Unavailable { .. }) => tokio::time::sleep(RETRY_PAUSE).await,
            Err(error) => panic!("a repetition is safe: {error:?}"),
        }
    }
}

/// The first `total` events, read page by page while they come, from whichever node answers.
async fn tail(store: &watch::Sender<Arc<dyn EventStore>>, total: usize) -> Vec<Recorded<RawEvent>> {
    let mut seen = Vec::new();
    let mut after = Position(0);
    while seen.len() < total {
        let now = Arc::clone(&store.borrow());
        match now.read_all(after, &Filter::all(), PAGE_EVENTS_MAX).await {
            Ok(page) if page.next > after => {
                seen.extend(page.events);
                after = page.next;
            }
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
    seen
}

fn assert_in_order(seen: &[Recorded<RawEvent>]) {
    assert!(seen.windows(2).all(|pair| pair[0].position < pair[1].position), "positions only grow");
    let mut revisions = BTreeMap::<&StreamId, u64>::new();
    for event in seen {
        let last = revisions.entry(&event.stream).or_default();
        assert_eq!(event.revision.0, *last + 1, "the events of {} are seen in its order", event.stream);
        *last = event.revision.0;
    }
    let distinct: BTreeSet<_> = seen.iter().map(|event| event.event_id).collect();
    assert_eq!(distinct.len(), seen.len(), "an event is seen once");
}
