use std::io::Cursor;

use tempfile::TempDir;

use super::*;
use crate::event_store::{
    EventStore as _, Expected, LogReader as _,
    conformance::{events, everything, stream},
    sqlite::SqliteEventStore,
};

async fn log(folder: &TempDir, name: &str) -> SqliteEventStore {
    SqliteEventStore::open(folder.path().join(name)).await.expect("a log")
}

/// A log with interleaved streams, and its lines.
async fn written(folder: &TempDir) -> (SqliteEventStore, Vec<u8>, Lines) {
    let store = log(folder, "from.sqlite").await;
    let (one, other) = (stream("project"), stream("release"));
    for round in 0..300 {
        store.append(&one, Expected::Any, events(1 + round % 3)).await.expect("appended");
        store.append(&other, Expected::Any, events(2)).await.expect("appended");
    }
    let mut lines = Vec::new();
    let head = store.head().await.expect("a head");
    let exported = export(&store, head, &mut lines, |_| {}).await.expect("exported");
    (store, lines, exported)
}

#[tokio::test]
async fn an_exported_and_imported_log_is_the_same_log() {
    let folder = TempDir::new().expect("a folder");
    let (from, lines, exported) = written(&folder).await;
    let to = log(&folder, "to.sqlite").await;
    let imported = import(&to, &mut Cursor::new(&lines), |_| {}).await.expect("imported");
    assert_eq!(imported, exported);
    let all = crate::event_store::Filter::all();
    assert_eq!(everything(&to, Position(0), &all).await, everything(&from, Position(0), &all).await);
    // And once more, which changes nothing.
    assert_eq!(import(&to, &mut Cursor::new(&lines), |_| {}).await.expect("imported"), exported);
}

#[tokio::test]
async fn an_import_that_broke_off_is_repeated() {
    let folder = TempDir::new().expect("a folder");
    let (_, lines, exported) = written(&folder).await;
    let half = lines.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(400).expect("many lines").0 + 1;
    let to = log(&folder, "to.sqlite").await;
    let first = import(&to, &mut Cursor::new(&lines[..half]), |_| {}).await.expect("imported");
    assert_eq!(first.events, 401);
    assert_eq!(import(&to, &mut Cursor::new(&lines), |_| {}).await.expect("imported"), exported);
    let shorter = import(&to, &mut Cursor::new(&lines[..half]), |_| {}).await;
    assert!(matches!(shorter, Err(LinesError::Longer { events: 401 })), "{shorter:?}");
}

#[tokio::test]
async fn events_that_are_there_already_stay_and_others_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let (from, ..) = written(&folder).await;
    let all = crate::event_store::Filter::all();
    let events = everything(&from, Position(0), &all).await;
    let to = log(&folder, "to.sqlite").await;
    append(&to, events[..401].to_vec()).await.expect("appended");
    append(&to, events[..700].to_vec()).await.expect("appended");
    append(&to, events[650..].to_vec()).await.expect("appended");
    assert_eq!(everything(&to, Position(0), &all).await, events);
    let mut other = events[7].clone();
    other.event_id = events[8].event_id;
    let other = append(&to, vec![other]).await;
    assert!(matches!(other, Err(LinesError::Other { line: 1, position: Position(8) })), "{other:?}");
}

#[tokio::test]
async fn what_is_no_log_or_another_one_is_refused_by_its_line() {
    let folder = TempDir::new().expect("a folder");
    let (from, lines, _) = written(&folder).await;
    let text = String::from_utf8(lines).expect("text");
    let all: Vec<&str> = text.lines().collect();
    let mut n = 0;
    let mut fresh = async || {
        n += 1;
        log(&folder, &format!("to-{n}.sqlite")).await
    };
    let into = async |store: &SqliteEventStore, lines: &[&str]| {
        import(store, &mut Cursor::new(lines.join("\n").into_bytes()), |_| {}).await
    };
    let broken = into(&fresh().await, &[all[0], "{}", all[1]]).await;
    assert!(matches!(broken, Err(LinesError::Line { line: 2, .. })), "{broken:?}");
    let swapped = into(&fresh().await, &[all[0], all[2], all[1]]).await;
    assert!(matches!(swapped, Err(LinesError::Revision { line: 2, .. })), "{swapped:?}");
    let other = into(&from, &[all[1]]).await;
    assert!(matches!(other, Err(LinesError::Other { line: 1, position: Position(1) })), "{other:?}");
}

#[tokio::test]
async fn a_copy_is_the_same_log_and_one_that_broke_off_is_repeated() {
    let folder = TempDir::new().expect("a folder");
    let (from, lines, exported) = written(&folder).await;
    let to = log(&folder, "to.sqlite").await;
    let half = lines.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(400).expect("many lines").0 + 1;
    import(&to, &mut Cursor::new(&lines[..half]), |_| {}).await.expect("imported");
    assert_eq!(copy(&from, &to, |_, _, _| {}).await.expect("copied"), exported);
    let all = crate::event_store::Filter::all();
    assert_eq!(everything(&to, Position(0), &all).await, everything(&from, Position(0), &all).await);
    assert_eq!(copy(&from, &to, |_, _, _| {}).await.expect("copied"), exported);
}

#[tokio::test]
async fn a_copy_is_not_made_over_another_log() {
    let folder = TempDir::new().expect("a folder");
    let (from, _, _) = written(&folder).await;
    let to = log(&folder, "to.sqlite").await;
    to.append(&stream("project"), Expected::Any, events(1)).await.expect("appended");
    let other = copy(&from, &to, |_, _, _| {}).await;
    assert!(matches!(other, Err(LinesError::Other { line: 1, position: Position(1) })), "{other:?}");
    let empty = log(&folder, "empty.sqlite").await;
    let longer = copy(&empty, &to, |_, _, _| {}).await;
    assert!(matches!(longer, Err(LinesError::Longer { events: 0 })), "{longer:?}");
    assert_eq!(to.head().await.expect("a head"), Position(1));
}
