//! Many callers at once, and callers that are dropped.

use std::{collections::BTreeMap, sync::Arc};

use domain::recorded::{Position, Revision, StreamId};
use futures::future::{join, join_all};

use super::{Backend, PATIENCE, event, events, everything, ids, stream, whole};
use crate::event_store::{AppendError, EventStore, Expected, Filter, Follower};

const WRITERS: usize = 16;
const APPENDS_EACH: usize = 40;

pub async fn a_tailing_reader_sees_every_event_once_and_in_order(backend: &mut impl Backend) {
    let store = backend.start().await;
    let shared = stream("project");
    let writers = (0..WRITERS).map(|_| tokio::spawn(write(Arc::clone(&store), shared.clone())));
    let written = join_all(writers);
    let total = WRITERS * APPENDS_EACH * 3;
    let seen = tail(Arc::clone(&store), total);
    let (written, seen) = tokio::time::timeout(PATIENCE, join(written, seen)).await.expect("nothing is lost");

    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0), "positions only grow");
    let mut revisions = BTreeMap::<StreamId, u64>::new();
    for (_, stream, revision) in &seen {
        let last = revisions.entry(stream.clone()).or_default();
        assert_eq!(revision.0, *last + 1, "the events of {stream} are seen in its order");
        *last = revision.0;
    }
    assert_eq!(revisions[&shared], (WRITERS * APPENDS_EACH) as u64);
    for own in written {
        assert_eq!(revisions[&own.expect("the writer ended well")], (APPENDS_EACH * 2) as u64);
    }
    assert_eq!(everything(&*store, Position(0), &Filter::all()).await.len(), total);
}

/// Writes to its own stream and to one it shares with all others.
async fn write(store: Arc<dyn EventStore>, shared: StreamId) -> StreamId {
    let own = stream("release");
    for round in 0..APPENDS_EACH {
        let expected = Expected::Revision(Revision(2 * round as u64));
        store.append(&own, expected, events(2)).await.expect("no other writer writes to it");
        let appended = store.append(&shared, Expected::Any, events(1)).await.expect("any revision is fine");
        let head = store.head().await.expect("the log can be read");
        assert!(head >= appended.last, "a writer sees what it has written");
    }
    own
}

async fn tail(store: Arc<dyn EventStore>, total: usize) -> Vec<(Position, StreamId, Revision)> {
    let mut follower = Follower::new(store, Position(0), Filter::all());
    let mut seen = Vec::new();
    while seen.len() < total {
        let page = follower.next_page().await.expect("the log can be read");
        seen.extend(page.events.into_iter().map(|event| (event.position, event.stream, event.revision)));
    }
    seen
}

pub async fn of_many_appends_after_the_same_revision_one_wins(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("release");
    for revision in 0..10 {
        let rivals = (0..WRITERS).map(|_| store.append(&stream, Expected::Revision(Revision(revision)), events(1)));
        let outcomes = join_all(rivals).await;
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let lost = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Err(AppendError::Conflict { actual, .. }) if actual.0 == revision + 1))
            .count();
        assert_eq!((won, lost), (1, WRITERS - 1));
    }
    assert_eq!(whole(&*store, &stream).await.len(), 10);
}

pub async fn a_conflict_does_not_harm_its_neighbours(backend: &mut impl Backend) {
    let store = backend.start().await;
    let contested = stream("project");
    let taken = events(1);
    store.append(&contested, Expected::NEW, taken.clone()).await.expect("appended");
    let fresh: Vec<StreamId> = (0..WRITERS).map(|_| stream("release")).collect();
    let good = join_all(fresh.iter().map(|own| store.append(own, Expected::NEW, events(2))));
    let late = join_all((0..WRITERS).map(|_| store.append(&contested, Expected::NEW, events(1))));
    let (elsewhere, again) = (stream("release"), taken[0].clone());
    let reused = store.append(&elsewhere, Expected::NEW, vec![again, event("release.failed")]);
    let (good, (late, reused)) = join(good, join(late, reused)).await;
    assert!(good.iter().all(Result::is_ok), "{good:?}");
    assert!(late.iter().all(|outcome| matches!(outcome, Err(AppendError::Conflict { .. }))), "{late:?}");
    assert!(matches!(reused, Err(AppendError::IdReused { event_id }) if event_id == taken[0].event_id), "{reused:?}");
    assert_eq!(everything(&*store, Position(0), &Filter::all()).await.len(), 1 + 2 * WRITERS);
}

pub async fn an_append_repeated_at_the_same_time_is_recorded_once(backend: &mut impl Backend) {
    let store = backend.start().await;
    for expected in [Expected::NEW, Expected::Any] {
        let stream = stream("release");
        let batch = events(2);
        let outcomes = join_all((0..WRITERS).map(|_| store.append(&stream, expected, batch.clone()))).await;
        let first = *outcomes[0].as_ref().expect("appended");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(again) if *again == first)), "{outcomes:?}");
        assert_eq!(whole(&*store, &stream).await.len(), 2);
    }
}

/// The caller's future is dropped at any moment: before the append was sent, on its way, or after it was recorded.
pub async fn an_abandoned_append_can_be_repeated(backend: &mut impl Backend) {
    let store = backend.start().await;
    let mut expected = Vec::new();
    let stream = stream("release");
    for revision in 0..50_u32 {
        let batch = events(1);
        expected.push(batch[0].event_id);
        let at = Expected::Revision(Revision(u64::from(revision)));
        {
            let mut append = store.append(&stream, at, batch.clone());
            for _ in 0..revision % 5 {
                if futures::poll!(&mut append).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let appended = store.append(&stream, at, batch).await.expect("a repetition is safe");
        assert_eq!(appended.revision.0, u64::from(revision) + 1);
    }
    assert_eq!(ids(&whole(&*store, &stream).await), expected);
}

pub async fn a_hint_wakes_a_waiter(backend: &mut impl Backend) {
    let store = backend.start().await;
    store.append(&stream("release"), Expected::NEW, events(1)).await.expect("appended");
    let mut hint = store.hint();
    hint.mark_unchanged();
    let waiter = tokio::spawn(async move { hint.changed().await.map(|()| *hint.borrow()) });
    let appended = store.append(&stream("release"), Expected::NEW, events(1)).await.expect("appended");
    let woken = tokio::time::timeout(PATIENCE, waiter).await.expect("woken").expect("the waiter ended well");
    assert_eq!(woken.expect("the store is open"), appended.last);
}

pub async fn a_follower_waits_for_the_next_event(backend: &mut impl Backend) {
    let store = backend.start().await;
    store.append(&stream("release"), Expected::NEW, events(1)).await.expect("appended");
    let mut follower = Follower::new(Arc::clone(&store), Position(0), Filter::all());
    let page = follower.next_page().await.expect("the log can be read");
    assert_eq!((page.events.len(), follower.position()), (1, page.head));
    let wanted = event("release.failed");
    let own = stream("release");
    let append = store.append(&own, Expected::NEW, vec![wanted.clone()]);
    let next = tokio::time::timeout(PATIENCE, follower.next_page());
    let (page, appended) = join(next, append).await;
    let page = page.expect("woken").expect("the log can be read");
    assert_eq!(ids(&page.events), [wanted.event_id]);
    assert_eq!(page.next, appended.expect("appended").last);
}
