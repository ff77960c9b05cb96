use chrono::TimeDelta;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::*;
use crate::key_usage::store::KEPT_DAYS;

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

fn after(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

fn key(n: u128) -> AccessKeyId {
    AccessKeyId(Uuid::from_u128(n))
}

fn package(n: u8) -> Sha256 {
    Sha256::of(&[n])
}

fn seen(first: i64, last: i64, times: u64) -> Seen {
    Seen { first_at: after(first), last_at: after(last), times }
}

struct World {
    folder: TempDir,
    key_usage: KeyUsage,
    worker: JoinHandle<()>,
}

impl World {
    async fn new() -> Self {
        Self::open(tempfile::tempdir().expect("a folder")).await
    }

    async fn open(folder: TempDir) -> Self {
        let (key_usage, worker) = KeyUsage::open(folder.path().join("uses.sqlite"), noon).await.expect("opened");
        Self { folder, key_usage, worker: tokio::spawn(worker) }
    }
}

#[tokio::test]
async fn uses_are_added_up_for_each_key_and_each_package() {
    let world = World::new().await;
    for (n, digest, at) in [(1, None, 5), (1, Some(package(1)), 1), (1, Some(package(1)), 9), (2, Some(package(1)), 3)]
    {
        world.key_usage.used(key(n), digest, after(at));
    }
    world.key_usage.flush().await.expect("written");
    world.key_usage.used(key(1), Some(package(2)), after(20));
    world.key_usage.flush().await.expect("written");
    let all = world.key_usage.seen(&[key(1), key(2), key(3)]).await.expect("read");
    assert_eq!((all.len(), all[&key(1)], all[&key(2)]), (2, seen(1, 20, 4), seen(3, 3, 1)));
    let one = Fetch { sha256: package(1), key: key(1), seen: seen(1, 9, 2) };
    let other = Fetch { sha256: package(1), key: key(2), seen: seen(3, 3, 1) };
    let newest = Fetch { sha256: package(2), key: key(1), seen: seen(20, 20, 1) };
    let by = async |after, first| world.key_usage.fetched_by(&package(1), after, first).await.expect("read");
    assert_eq!(by(None, 10).await, [one, other]);
    assert_eq!(by(None, 1).await, [one]);
    assert_eq!(by(Some(key(1)), 10).await, [other]);
    assert_eq!(world.key_usage.fetched_with(key(1), 10, 0).await.expect("read"), [newest, one]);
    assert_eq!(world.key_usage.fetched_with(key(1), 10, 1).await.expect("read"), [one]);
    assert_eq!(world.key_usage.fetched_by(&package(9), None, 10).await.expect("read"), []);
}

#[tokio::test]
async fn what_was_counted_is_there_after_a_restart() {
    let world = World::new().await;
    world.key_usage.used(key(1), None, after(0));
    world.key_usage.flush().await.expect("written");
    world.worker.abort();
    let world = World::open(world.folder).await;
    world.key_usage.used(key(1), None, after(7));
    world.key_usage.flush().await.expect("written");
    assert_eq!(world.key_usage.seen(&[key(1)]).await.expect("read")[&key(1)], seen(0, 7, 2));
}

#[tokio::test]
async fn a_request_never_waits_for_a_worker_that_is_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let (key_usage, worker) = KeyUsage::open(folder.path().join("uses.sqlite"), noon).await.expect("opened");
    for n in 0..WAITING_MAX + 10 {
        key_usage.used(key(n as u128), None, after(0));
    }
    let worker = tokio::spawn(worker);
    key_usage.flush().await.expect("written");
    let counted =
        key_usage.seen(&[key(0), key(WAITING_MAX as u128 - 1), key(WAITING_MAX as u128)]).await.expect("read");
    assert_eq!(counted.len(), 2, "what did not fit is dropped");
    worker.abort();
}

#[tokio::test]
async fn what_is_old_is_forgotten_and_so_is_the_oldest_of_too_much() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut store, readers) = Store::open(&folder.path().join("uses.sqlite")).await.expect("opened");
    let day = 24 * 60 * 60;
    let mut batch = collect::Batch::default();
    for (n, at) in [(1, -(KEPT_DAYS + 1) * day), (2, -3 * day), (3, -2 * day), (4, -day)] {
        let count = collect::Count { first: after(at), last: after(at), times: 1 };
        batch.seen.insert(key(n), count);
        batch.fetched.insert((package(1), key(n)), count);
    }
    store.write(&batch).await.expect("written");
    let (sender, _receiver) = mpsc::channel(1);
    let key_usage = KeyUsage { readers, sender };
    store.forget(noon()).await.expect("forgotten");
    let fetched = async || key_usage.fetched_by(&package(1), None, 10).await.expect("read").len();
    assert_eq!((fetched().await, key_usage.seen(&[key(1), key(2)]).await.expect("read").len()), (3, 1));
    store.remember_at_most(2);
    store.forget(noon()).await.expect("forgotten");
    let left: Vec<_> =
        key_usage.fetched_by(&package(1), None, 10).await.expect("read").into_iter().map(|f| f.key).collect();
    assert_eq!(left, [key(3), key(4)]);
}
