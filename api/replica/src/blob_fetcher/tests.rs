use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use formats::segmented_file::Piece;
use tempfile::TempDir;
use tokio::{sync::Barrier, time::timeout};

use super::*;
use crate::Untrusted;

/// Serves the blobs that it has. A request for `fails` fails, and other blobs are lost.
#[derive(Default)]
struct FakeFeed {
    has: Mutex<Vec<Bytes>>,
    fails: Mutex<Option<Sha256>>,
    asked: Mutex<Vec<Sha256>>,
}

impl FakeFeed {
    fn put(&self, bytes: &'static str) -> Sha256 {
        self.has.lock().expect("no panic").push(Bytes::from_static(bytes.as_bytes()));
        Sha256::of(bytes.as_bytes())
    }

    fn put_segmented_file(&self, pieces: &[Sha256]) -> Sha256 {
        let pieces = pieces.iter().map(|sha256| Piece::Blob { sha256: *sha256, size_bytes: 1 }).collect();
        let bytes = Segmented { pieces }.to_bytes();
        self.has.lock().expect("no panic").push(bytes.clone());
        Sha256::of(&bytes)
    }

    /// What it was asked for since the last time, in the order of the digests: several are asked for at once.
    fn asked(&self) -> Vec<Sha256> {
        sorted(std::mem::take(&mut self.asked.lock().expect("no panic")))
    }
}

impl BlobSource for FakeFeed {
    fn fetch<'a>(&'a self, _: u64, digest: Sha256, to: &'a Path) -> BoxFuture<'a, Result<bool, ReplicaError>> {
        self.asked.lock().expect("no panic").push(digest);
        let found = self.has.lock().expect("no panic").iter().find(|bytes| Sha256::of(bytes) == digest).cloned();
        let fails = *self.fails.lock().expect("no panic") == Some(digest);
        Box::pin(async move {
            match found {
                _ if fails => Err(Untrusted::new("the connection failed").into()),
                Some(bytes) => {
                    std::fs::write(to, bytes).expect("written");
                    Ok(true)
                }
                None => Ok(false),
            }
        })
    }
}

fn sorted(mut digests: Vec<Sha256>) -> Vec<Sha256> {
    digests.sort();
    digests
}

fn named(sha256: Sha256, is_segmented_file: bool) -> Named {
    Named { sha256, entry: 3, is_segmented_file }
}

fn fetching(folder: &TempDir) -> BlobFetcher {
    BlobFetcher::new(Blobs::local(folder.path()).expect("blobs"), BTreeSet::new())
}

#[tokio::test]
async fn what_a_file_consists_of_comes_with_it_and_nothing_comes_twice() {
    let (folder, feed) = (TempDir::new().expect("a folder"), FakeFeed::default());
    let (one, two) = (feed.put("one"), feed.put("two"));
    let segmented_file = feed.put_segmented_file(&[one, two, one]);
    let mut fetching = fetching(&folder);
    assert!(fetching.bring(vec![named(one, false), named(segmented_file, true)], &feed).await.expect("it comes"));
    assert_eq!(feed.asked(), sorted(vec![one, segmented_file, two]));
    assert!(!fetching.bring(vec![named(one, false), named(segmented_file, true)], &feed).await.expect("it is here"));
    assert!(feed.asked().is_empty());
    // Another process does not remember, and looks.
    assert!(!self::fetching(&folder).bring(vec![named(segmented_file, true)], &feed).await.expect("it is here"));
    assert!(feed.asked().is_empty());
}

#[tokio::test]
async fn what_breaks_off_is_asked_for_again() {
    let (folder, feed) = (TempDir::new().expect("a folder"), FakeFeed::default());
    let (one, two) = (feed.put("one"), feed.put("two"));
    let segmented_file = feed.put_segmented_file(&[one, two]);
    let mut fetching = fetching(&folder);
    *feed.fails.lock().expect("no panic") = Some(two);
    assert!(fetching.bring(vec![named(segmented_file, true)], &feed).await.is_err());
    *feed.fails.lock().expect("no panic") = None;
    feed.asked();
    assert!(fetching.bring(vec![named(segmented_file, true)], &feed).await.expect("it comes"));
    // The other segment may have been in transit when this one failed.
    let asked = feed.asked();
    assert!(asked.contains(&two) && !asked.contains(&segmented_file), "{asked:?}");
}

#[tokio::test]
async fn half_a_blob_which_a_power_cut_left_is_brought_again() {
    let (folder, feed) = (TempDir::new().expect("a folder"), FakeFeed::default());
    let one = feed.put("one");
    let mut fetching = fetching(&folder);
    std::fs::write(fetching.blobs.local_path(one).expect("a file"), "o").expect("written");
    assert!(fetching.bring(vec![named(one, false)], &feed).await.expect("it comes"));
    assert_eq!(&fetching.blobs.get(one).await.expect("it is whole")[..], b"one");
}

#[tokio::test]
async fn what_was_lost_is_missing_until_somebody_has_it_with_all_that_it_consists_of() {
    let (folder, feed) = (TempDir::new().expect("a folder"), FakeFeed::default());
    let one = Sha256::of(b"one");
    let segmented_file = FakeFeed::default().put_segmented_file(&[one]);
    let mut fetching = fetching(&folder);
    assert!(!fetching.bring(vec![named(segmented_file, true)], &feed).await.expect("it goes on"));
    assert_eq!(fetching.missing().iter().copied().collect::<Vec<_>>(), [named(segmented_file, true)]);
    feed.put_segmented_file(&[one]);
    assert_eq!(fetching.bring_missing(&feed).await.expect("it comes"), 1);
    assert_eq!(fetching.missing().iter().copied().collect::<Vec<_>>(), [named(one, false)], "its piece was lost, too");
    feed.put("one");
    assert_eq!(fetching.bring_missing(&feed).await.expect("it comes"), 1);
    assert!(fetching.missing().is_empty() && fetching.blobs.contains(one).await.expect("blobs"));
}

/// Has nothing, says so once [`AT_ONCE_MAX`] blobs were asked for, and counts the requests that wait for it.
struct Slow {
    asking: AtomicUsize,
    most: AtomicUsize,
    all_asked: Barrier,
}

impl BlobSource for Slow {
    fn fetch<'a>(&'a self, _: u64, _: Sha256, _: &'a Path) -> BoxFuture<'a, Result<bool, ReplicaError>> {
        Box::pin(async move {
            let asking = self.asking.fetch_add(1, Relaxed) + 1;
            self.most.fetch_max(asking, Relaxed);
            self.all_asked.wait().await;
            self.asking.fetch_sub(1, Relaxed);
            Ok(false)
        })
    }
}

#[tokio::test]
async fn so_many_blobs_are_fetched_at_the_same_time_and_no_more() {
    let folder = TempDir::new().expect("a folder");
    let slow = Slow { asking: AtomicUsize::new(0), most: AtomicUsize::new(0), all_asked: Barrier::new(AT_ONCE_MAX) };
    let many = (0..3 * AT_ONCE_MAX).map(|number| named(Sha256::of(&number.to_be_bytes()), false));
    let mut fetching = fetching(&folder);
    let brought = timeout(Duration::from_secs(60), fetching.bring(many.collect(), &slow));
    brought.await.expect("so many are asked for").expect("it goes on");
    assert_eq!(slow.most.into_inner(), AT_ONCE_MAX);
}

#[tokio::test]
async fn so_many_blobs_are_remembered_and_then_all_are_looked_at_again() {
    let (folder, feed) = (TempDir::new().expect("a folder"), FakeFeed::default());
    let [one, two] = ["one", "two"].map(|text| feed.put(text));
    let mut fetching = fetching(&folder);
    fetching.bring(vec![named(one, false)], &feed).await.expect("it comes");
    std::fs::remove_file(fetching.blobs.local_path(one).expect("a file")).expect("it is here");
    let numbered = |number: usize| {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        Sha256(digest)
    };
    fetching.seen.extend((2..SEEN_MAX).map(numbered));
    assert_eq!(fetching.seen.len(), SEEN_MAX - 1);
    // What is remembered is not looked at: that this one is gone is not seen.
    fetching.bring(vec![named(one, false), named(two, false)], &feed).await.expect("it comes");
    assert_eq!((feed.asked(), fetching.seen.len()), (sorted(vec![one, two]), SEEN_MAX));
    fetching.bring(vec![named(one, false)], &feed).await.expect("it comes");
    assert_eq!((feed.asked(), fetching.seen.len()), (vec![one], 1));
}
