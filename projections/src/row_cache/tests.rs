#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use super::*;

async fn with_one_row() -> RowCache<i32, &'static str> {
    let mut rows = RowCache::new(2);
    assert_eq!(rows.get_or_read(1, async { Ok(Some("old")) }).await.unwrap(), Some(&"old"));
    rows
}

#[tokio::test]
async fn a_row_is_read_once_and_a_missing_one_is_not_cached() {
    let mut rows = with_one_row().await;
    assert_eq!(rows.get_or_read(1, async { panic!("it is known") }).await.unwrap(), Some(&"old"));
    assert_eq!(rows.get_or_read(2, async { Ok(None) }).await.unwrap(), None);
    assert_eq!(rows.get_or_read(2, async { Ok(Some("new")) }).await.unwrap(), Some(&"new"));
}

#[tokio::test]
async fn a_row_is_written_once_however_often_it_changed() {
    let mut rows = with_one_row().await;
    rows.add(3, "new").unwrap();
    for value in ["a", "b"] {
        *rows.change(1).unwrap() = value;
        *rows.change(3).unwrap() = value;
    }
    assert!(rows.change(2).is_none());
    assert_eq!((rows.added(), rows.changed()), (vec![(3, &"b")], vec![(1, &"b")]));
    rows.written();
    assert_eq!((rows.added(), rows.changed()), (vec![], vec![]));
    *rows.change(3).unwrap() = "c";
    assert_eq!((rows.added(), rows.changed()), (vec![], vec![(3, &"c")]));
}

#[tokio::test]
async fn a_row_that_is_there_cannot_be_added() {
    let mut rows = with_one_row().await;
    assert_eq!(rows.add(1, "new").unwrap_err().to_string(), "there is a 1 already");
    assert_eq!(rows.rows.get(&1), Some(&"old"));
}

#[test]
fn no_more_rows_than_allowed_are_cached_from_one_transaction_to_the_next() {
    let mut rows = RowCache::new(2);
    for key in 0..3 {
        rows.add(key, key).unwrap();
    }
    assert_eq!(rows.added().len(), 3, "all of them until they are written");
    rows.written();
    rows.committed();
    assert_eq!(rows.rows.get(&0), None);
}
