//! One caller: revisions, repetitions, limits.

use chrono::TimeDelta;
use domain::recorded::{Position, Revision};

use super::{Backend, event, events, everything, ids, stream, whole};
use crate::event_store::{APPEND_BYTES_MAX, APPEND_EVENTS_MAX, AppendError, Expected, Filter, Limit, NewEvent};

pub async fn an_append_answers_where_its_events_are(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("release");
    let first = store.append(&stream, Expected::NEW, events(3)).await.expect("appended");
    assert_eq!(first.revision, Revision(3));
    let second = store.append(&stream, Expected::Revision(Revision(3)), events(1)).await.expect("appended");
    assert_eq!(second.revision, Revision(4));
    assert_eq!(second.first, second.last);
    assert!(second.first > first.last);

    let stored = whole(&*store, &stream).await;
    assert_eq!(stored[0].position, first.first);
    assert_eq!(stored[2].position, first.last);
    assert_eq!(stored[3].position, second.last);
    let revisions: Vec<u64> = stored.iter().map(|event| event.revision.0).collect();
    assert_eq!(revisions, [1, 2, 3, 4]);
}

pub async fn an_append_to_a_moved_stream_conflicts(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("release");
    store.append(&stream, Expected::NEW, events(2)).await.expect("appended");
    for wrong in [1, 3, u64::MAX] {
        let error = store.append(&stream, Expected::Revision(Revision(wrong)), events(1)).await.expect_err("conflict");
        assert!(
            matches!(&error, AppendError::Conflict { stream: of, expected, actual }
                if *of == stream && expected.0 == wrong && actual.0 == 2),
            "{error:?}"
        );
    }
    assert_eq!(whole(&*store, &stream).await.len(), 2);
}

pub async fn a_stream_that_must_be_new_must_not_exist(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("release");
    store.append(&stream, Expected::NEW, events(1)).await.expect("appended");
    let error = store.append(&stream, Expected::NEW, events(1)).await.expect_err("conflict");
    assert!(matches!(error, AppendError::Conflict { actual: Revision(1), .. }), "{error:?}");
}

pub async fn any_revision_appends_at_the_end(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("release");
    for revision in 1..=3 {
        let appended = store.append(&stream, Expected::Any, events(1)).await.expect("appended");
        assert_eq!(appended.revision, Revision(revision));
    }
}

pub async fn the_same_ids_again_get_the_first_answer(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("release");
    let batch = events(3);
    let first = store.append(&stream, Expected::NEW, batch.clone()).await.expect("appended");
    store.append(&stream, Expected::Revision(Revision(3)), events(2)).await.expect("appended");
    for expected in [Expected::NEW, Expected::Any, Expected::Revision(Revision(5))] {
        let again = store.append(&stream, expected, batch.clone()).await.expect("recognised");
        assert_eq!(again, first, "{expected:?}");
    }
    let store = backend.start().await;
    let again = store.append(&stream, Expected::NEW, batch).await.expect("recognised after a restart");
    assert_eq!(again, first);
    assert_eq!(whole(&*store, &stream).await.len(), 5);
}

pub async fn a_repetition_may_be_made_later_than_the_first_try(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("release");
    let mut new = event("release.received");
    let first = store.append(&stream, Expected::NEW, vec![new.clone()]).await.expect("appended");
    let recorded_at = new.metadata.recorded_at;
    new.metadata.recorded_at += TimeDelta::seconds(5);
    assert_eq!(store.append(&stream, Expected::NEW, vec![new]).await.expect("recognised"), first);
    assert_eq!(whole(&*store, &stream).await[0].metadata.recorded_at, recorded_at);
}

pub async fn an_id_cannot_name_two_events(backend: &mut impl Backend) {
    let store = backend.start().await;
    let (stream, other) = (stream("release"), stream("release"));
    let batch = events(2);
    store.append(&stream, Expected::NEW, batch.clone()).await.expect("appended");

    let mut changed = batch.clone();
    changed[1].event.payload = "{}".to_owned();
    let mut renamed = batch.clone();
    renamed[1].event.name = "release.cancelled".to_owned();
    let swapped = vec![batch[1].clone(), batch[0].clone()];
    let longer = vec![batch[0].clone(), batch[1].clone(), event("release.received")];
    for (what, reused) in [("changed", changed), ("renamed", renamed), ("swapped", swapped), ("longer", longer)] {
        for expected in [Expected::Any, Expected::NEW, Expected::Revision(Revision(2))] {
            let error = store.append(&stream, expected, reused.clone()).await.expect_err(what);
            assert!(matches!(error, AppendError::IdReused { .. }), "{what} {expected:?}: {error:?}");
        }
    }
    let error = store.append(&other, Expected::NEW, batch).await.expect_err("another stream");
    assert!(matches!(error, AppendError::IdReused { .. }), "{error:?}");
    assert_eq!(everything(&*store, Position(0), &Filter::all()).await.len(), 2);
}

pub async fn an_id_cannot_appear_twice_in_one_append(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("release");
    let twice = event("release.received");
    let error = store.append(&stream, Expected::NEW, vec![twice.clone(), twice.clone()]).await.expect_err("refused");
    assert!(matches!(error, AppendError::IdReused { event_id } if event_id == twice.event_id), "{error:?}");
}

pub async fn an_empty_append_is_refused(backend: &mut impl Backend) {
    let store = backend.start().await;
    let error = store.append(&stream("release"), Expected::Any, Vec::new()).await.expect_err("refused");
    assert!(matches!(error, AppendError::Empty), "{error:?}");
}

pub async fn an_append_of_the_most_events_fits_and_one_more_does_not(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("release");
    let appended = store.append(&stream, Expected::NEW, events(APPEND_EVENTS_MAX)).await.expect("fits");
    assert_eq!(appended.revision.0, APPEND_EVENTS_MAX as u64);
    let error = store.append(&stream, Expected::Any, events(APPEND_EVENTS_MAX + 1)).await.expect_err("too many");
    assert!(matches!(error, AppendError::TooLarge { limit: Limit::Events }), "{error:?}");
    assert_eq!(whole(&*store, &stream).await.len(), APPEND_EVENTS_MAX);
}

pub async fn an_append_of_the_most_bytes_fits_and_one_more_does_not(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("release");
    let largest = event_of(APPEND_BYTES_MAX);
    store.append(&stream, Expected::NEW, vec![largest.clone()]).await.expect("fits");
    let too_large = event_of(APPEND_BYTES_MAX + 1);
    let error = store.append(&stream, Expected::Any, vec![too_large]).await.expect_err("too large");
    assert!(matches!(error, AppendError::TooLarge { limit: Limit::Bytes }), "{error:?}");
    let stored = whole(&*store, &stream).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].event, largest.event);
}

/// An event whose name, metadata and payload take that many bytes.
fn event_of(size_bytes: usize) -> NewEvent {
    let mut new = event("release.received");
    let metadata = serde_json::to_string(&new.metadata).expect("metadata is JSON");
    let letters = size_bytes - metadata.len() - new.event.name.len() - 2;
    new.event.payload = format!("\"{}\"", "x".repeat(letters));
    new
}

pub async fn a_refused_append_leaves_nothing_behind(backend: &mut impl Backend) {
    let store = backend.start().await;
    let stream = stream("release");
    let stored = events(1);
    store.append(&stream, Expected::NEW, stored.clone()).await.expect("appended");
    let head = store.head().await.expect("the log can be read");
    let lost = events(2);
    store.append(&stream, Expected::NEW, lost.clone()).await.expect_err("conflict");
    assert_eq!(store.head().await.expect("the log can be read"), head);
    // The ids of a refused append were never used.
    store.append(&stream, Expected::Revision(Revision(1)), lost.clone()).await.expect("appended");
    let expected: Vec<_> = stored.iter().chain(&lost).map(|new| new.event_id).collect();
    assert_eq!(ids(&everything(&*store, Position(0), &Filter::all()).await), expected);
}
