//! One reader: pages, filters, restarts.

use domain::{
    ids::{EventId, PersonId, TokenId},
    personal::{Personal, SEALED_MAX_CHARS},
    recorded::{Actor, Position, Revision},
    stream_kind::StreamKind,
};
use uuid::Uuid;

use super::{Backend, event, events, everything, ids, stream, whole};
use crate::event_store::{EventStore, Expected, Filter, PAGE_EVENTS_MAX};

pub async fn what_is_read_is_what_was_appended(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("signing-key");
    let mut new = event("signing_key.generated");
    new.metadata.causation = Some(EventId(Uuid::now_v7()));
    new.event.schema_version = 7;
    let appended = store.append(&stream, Expected::NEW, vec![new.clone()]).await.expect("appended");

    let of_stream = whole(&*store, &stream).await;
    let of_log = everything(&*store, Position(0), &Filter::all()).await;
    assert_eq!(of_stream, of_log);
    let recorded = of_log.into_iter().next().expect("one event");
    assert_eq!(recorded.position, appended.first);
    assert_eq!(recorded.stream, stream);
    assert_eq!(recorded.revision, Revision(1));
    assert_eq!(recorded.event_id, new.event_id);
    assert_eq!(recorded.metadata, new.metadata);
    assert_eq!(recorded.event, new.event);
}

/// With an origin and without one, in one append and in the same log: none of them gets the other's.
pub async fn a_sealed_origin_is_kept_and_none_is_made_up(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("keyring");
    let mut new = events(3);
    new[1].metadata.actor = Actor::Operator { token: TokenId(Uuid::now_v7()) };
    new[1].metadata.causation = Some(EventId(Uuid::now_v7()));
    let sealed = "A+/=".repeat(SEALED_MAX_CHARS / 4);
    new[1].metadata.origin = Some(Personal { person: PersonId(Uuid::now_v7()), sealed });
    store.append(&stream, Expected::NEW, new.clone()).await.expect("appended");
    drop(store);
    let store = backend.start().await;
    for found in [whole(&*store, &stream).await, everything(&*store, Position(0), &Filter::all()).await] {
        let found: Vec<_> = found.into_iter().map(|event| event.metadata).collect();
        assert_eq!(found, new.iter().map(|event| event.metadata.clone()).collect::<Vec<_>>());
    }
}

pub async fn a_stream_is_read_in_pages(backend: &mut impl Backend) {
    let store = backend.start().await;
    let (stream, other) = (stream("release"), stream("release"));
    for _ in 0..10 {
        store.append(&stream, Expected::Any, events(2)).await.expect("appended");
        store.append(&other, Expected::Any, events(1)).await.expect("appended");
    }
    let page = store.read_stream(&stream, Revision(5), 3).await.expect("the stream can be read");
    let revisions: Vec<u64> = page.iter().map(|event| event.revision.0).collect();
    assert_eq!(revisions, [6, 7, 8]);
    assert!(page.iter().all(|event| event.stream == stream));
    assert!(store.read_stream(&stream, Revision(20), 3).await.expect("the stream can be read").is_empty());
    assert!(store.read_stream(&stream, Revision(u64::MAX), 3).await.expect("the stream can be read").is_empty());
    assert!(store.read_stream(&super::stream("release"), Revision(0), 3).await.expect("no such stream").is_empty());
}

pub async fn the_log_is_read_in_pages(backend: &mut impl Backend) {
    let store = backend.start().await;
    let appended = fill(&*store, 40).await;
    assert_eq!(ids(&everything(&*store, Position(0), &Filter::all()).await), appended);

    let many = store.read_all(Position(0), &Filter::all(), u32::MAX).await.expect("the log can be read");
    assert!(many.events.len() <= PAGE_EVENTS_MAX as usize);
    assert_eq!((many.next, ids(&many.events)), (many.head, appended));
    let none = store.read_all(many.head, &Filter::all(), 10).await.expect("the log can be read");
    assert_eq!((none.events.len(), none.next, none.head), (0, many.head, many.head));
}

pub async fn a_filtered_page_moves_past_what_it_held_back(backend: &mut impl Backend) {
    let store = backend.start().await;
    fill(&*store, 40).await;
    let head = store.head().await.expect("the log can be read");
    let filter = Filter::names(["project.added"]);
    let page = store.read_all(Position(0), &filter, 10).await.expect("the log can be read");
    assert_eq!((page.events.len(), page.next), (0, head));
    let wanted = event("project.added");
    let appended = store.append(&stream("project"), Expected::NEW, vec![wanted.clone()]).await.expect("appended");
    fill(&*store, 40).await;
    let page = store.read_all(page.next, &filter, 10).await.expect("the log can be read");
    assert_eq!(ids(&page.events), [wanted.event_id]);
    assert_eq!(page.next, page.head);
    // A full page ends at its last event, not at the end of the log.
    let page = store.read_all(Position(0), &filter, 1).await.expect("the log can be read");
    assert_eq!((page.events.len(), page.next), (1, appended.last));
}

pub async fn a_filter_selects_by_kind_and_by_name(backend: &mut impl Backend) {
    let store = backend.start().await;
    let key = event("signing_key.generated");
    let received = event("release.received");
    let failed = event("release.failed");
    store.append(&stream("signing-key"), Expected::NEW, vec![key.clone()]).await.expect("appended");
    store.append(&stream("release"), Expected::NEW, vec![received.clone(), failed.clone()]).await.expect("appended");
    let both = Filter { event_names: ["release.failed".to_owned()].into(), ..Filter::kinds([StreamKind::Release]) };
    let neither =
        Filter { event_names: ["release.failed".to_owned()].into(), ..Filter::kinds([StreamKind::SigningKey]) };
    for (filter, expected) in [
        (Filter::kinds([StreamKind::SigningKey]), vec![key.event_id]),
        (
            Filter::kinds([StreamKind::SigningKey, StreamKind::Release]),
            vec![key.event_id, received.event_id, failed.event_id],
        ),
        (Filter::kinds([StreamKind::Keyring]), vec![]),
        (Filter::names(["release.received", "it's \"odd\""]), vec![received.event_id]),
        (both, vec![failed.event_id]),
        (neither, vec![]),
    ] {
        assert_eq!(ids(&everything(&*store, Position(0), &filter).await), expected, "{filter:?}");
    }
}

pub async fn the_end_of_the_log_is_known(backend: &mut impl Backend) {
    let store = backend.start().await;
    let empty = store.head().await.expect("the log can be read");
    let appended = store.append(&stream("release"), Expected::NEW, events(3)).await.expect("appended");
    assert!(appended.first > empty);
    assert_eq!(store.head().await.expect("the log can be read"), appended.last);
    assert_eq!(*store.hint().borrow(), appended.last);
}

pub async fn a_restart_keeps_everything(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("release");
    store.append(&stream, Expected::NEW, events(3)).await.expect("appended");
    fill(&*store, 20).await;
    let before = everything(&*store, Position(0), &Filter::all()).await;
    let head = store.head().await.expect("the log can be read");
    drop(store);

    let store = backend.start().await;
    assert_eq!(everything(&*store, Position(0), &Filter::all()).await, before);
    assert_eq!(store.head().await.expect("the log can be read"), head);
    store.append(&stream, Expected::NEW, events(1)).await.expect_err("conflict");
    let appended = store.append(&stream, Expected::Revision(Revision(3)), events(1)).await.expect("appended");
    assert!(appended.first > head);
}

/// Appends that many events, each in a new stream; returns their ids in order.
async fn fill(store: &dyn EventStore, count: usize) -> Vec<EventId> {
    let mut ids = Vec::new();
    for new in events(count) {
        ids.push(new.event_id);
        store.append(&stream("release"), Expected::NEW, vec![new]).await.expect("appended");
    }
    ids
}
