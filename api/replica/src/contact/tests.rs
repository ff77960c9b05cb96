use std::cell::Cell;

use tempfile::TempDir;

use super::*;

thread_local! {
    static SECONDS: Cell<i64> = const { Cell::new(1_000) };
}

fn clock() -> DateTime<Utc> {
    at(SECONDS.get())
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a time")
}

#[test]
fn a_replica_serves_until_the_server_was_lost_for_too_long_and_again_when_it_is_back() {
    let folder = TempDir::new().expect("a folder");
    let open = || Contact::open(folder.path(), Some(TimeDelta::seconds(60)), clock);
    let contact = open();
    assert!(contact.is_lost(), "it was never up to date");
    contact.is_current(at(1_000));
    for (now, is_lost) in [(1_000, false), (1_060, false), (1_061, true), (995, false), (900, true)] {
        SECONDS.set(now);
        assert_eq!(contact.is_lost(), is_lost, "at {now}");
        assert_eq!(open().is_lost(), is_lost, "at {now}, after a restart");
    }
    SECONDS.set(1_061);
    contact.is_current(at(1_061));
    assert!(!contact.is_lost());
    assert!(!Contact::open(folder.path(), None, clock).is_lost(), "without a limit it keeps serving");
}

#[test]
fn what_is_kept_over_a_restart_is_never_too_new() {
    let folder = TempDir::new().expect("a folder");
    let kept = || Contact::open(folder.path(), None, clock).seen().current_at;
    let contact = Contact::open(folder.path(), None, clock);
    for (now, expected) in [(1_000, 1_000), (1_009, 1_000), (1_010, 1_010), (1_005, 1_005)] {
        contact.is_current(at(now));
        assert_eq!(kept(), Some(at(expected)));
    }
    fs::write(folder.path().join(CONTACT), "yesterday").expect("written");
    assert_eq!(kept(), None);
}

#[test]
fn trouble_is_news_once_and_over_when_the_replica_is_current() {
    let folder = TempDir::new().expect("a folder");
    let contact = Contact::open(folder.path(), None, clock);
    contact.has(5, 9);
    assert!(contact.has_trouble("no answer".to_owned()));
    assert!(!contact.has_trouble("no answer".to_owned()));
    assert_eq!((&contact.shown()["behind"], &contact.shown()["trouble"]), (&json!(4), &json!("no answer")));
    contact.is_current(at(1_000));
    assert_eq!(contact.shown()["trouble"], Value::Null);
    assert!(contact.has_trouble("no answer".to_owned()));
}
