use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use formats::rope::Piece;
use tempfile::TempDir;

use super::*;
use crate::Untrusted;

/// Gives what it has; `fails` breaks off, what it does not have is lost.
#[derive(Default)]
struct Shelf {
    has: Mutex<Vec<Bytes>>,
    fails: Mutex<Option<Sha256>>,
    asked: Mutex<Vec<Sha256>>,
}

impl Shelf {
    fn put(&self, bytes: &'static str) -> Sha256 {
        self.has.lock().expect("no panic").push(Bytes::from_static(bytes.as_bytes()));
        Sha256::of(bytes.as_bytes())
    }

    fn put_rope(&self, pieces: &[Sha256]) -> Sha256 {
        let pieces = pieces.iter().map(|sha256| Piece::Blob { sha256: *sha256, size_bytes: 1 }).collect();
        let bytes = Rope { pieces }.to_bytes();
        self.has.lock().expect("no panic").push(bytes.clone());
        Sha256::of(&bytes)
    }

    /// What it was asked for since the last time, in the order of the digests: several are asked for at once.
    fn asked(&self) -> Vec<Sha256> {
        sorted(std::mem::take(&mut self.asked.lock().expect("no panic")))
    }
}

impl BlobSource for Shelf {
    fn fetch<'a>(&'a self, _: u64, digest: Sha256, to: &'a Path) -> BoxFuture<'a, Result<bool, ReplicaError>> {
        self.asked.lock().expect("no panic").push(digest);
        let found = self.has.lock().expect("no panic").iter().find(|bytes| Sha256::of(bytes) == digest).cloned();
        let fails = *self.fails.lock().expect("no panic") == Some(digest);
        Box::pin(async move {
            match found {
                _ if fails => Err(Untrusted::new("it breaks off").into()),
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

fn named(sha256: Sha256, is_rope: bool) -> Named {
    Named { sha256, entry: 3, is_rope }
}

fn bringing(folder: &TempDir) -> Bringing {
    Bringing::new(Blobs::local(folder.path()).expect("blobs"), BTreeSet::new())
}

#[tokio::test]
async fn what_a_file_consists_of_comes_with_it_and_nothing_comes_twice() {
    let (folder, shelf) = (TempDir::new().expect("a folder"), Shelf::default());
    let (one, two) = (shelf.put("one"), shelf.put("two"));
    let rope = shelf.put_rope(&[one, two, one]);
    let mut bringing = bringing(&folder);
    assert!(bringing.bring(vec![named(one, false), named(rope, true)], &shelf).await.expect("it comes"));
    assert_eq!(shelf.asked(), sorted(vec![one, rope, two]));
    assert!(!bringing.bring(vec![named(one, false), named(rope, true)], &shelf).await.expect("it is here"));
    assert!(shelf.asked().is_empty());
    // Another process does not remember, and looks.
    assert!(!self::bringing(&folder).bring(vec![named(rope, true)], &shelf).await.expect("it is here"));
    assert!(shelf.asked().is_empty());
}

#[tokio::test]
async fn what_breaks_off_is_asked_for_again() {
    let (folder, shelf) = (TempDir::new().expect("a folder"), Shelf::default());
    let (one, two) = (shelf.put("one"), shelf.put("two"));
    let rope = shelf.put_rope(&[one, two]);
    let mut bringing = bringing(&folder);
    *shelf.fails.lock().expect("no panic") = Some(two);
    assert!(bringing.bring(vec![named(rope, true)], &shelf).await.is_err());
    *shelf.fails.lock().expect("no panic") = None;
    shelf.asked();
    assert!(bringing.bring(vec![named(rope, true)], &shelf).await.expect("it comes"));
    // The other piece may have been on its way when this one broke off.
    let asked = shelf.asked();
    assert!(asked.contains(&two) && !asked.contains(&rope), "{asked:?}");
}

#[tokio::test]
async fn half_a_blob_which_a_power_cut_left_is_brought_again() {
    let (folder, shelf) = (TempDir::new().expect("a folder"), Shelf::default());
    let one = shelf.put("one");
    let mut bringing = bringing(&folder);
    std::fs::write(bringing.blobs.local_path(one).expect("a file"), "o").expect("written");
    assert!(bringing.bring(vec![named(one, false)], &shelf).await.expect("it comes"));
    assert_eq!(&bringing.blobs.get(one).await.expect("it is whole")[..], b"one");
}

#[tokio::test]
async fn what_was_lost_is_missing_until_somebody_has_it_with_all_that_it_consists_of() {
    let (folder, shelf) = (TempDir::new().expect("a folder"), Shelf::default());
    let one = Sha256::of(b"one");
    let rope = Shelf::default().put_rope(&[one]);
    let mut bringing = bringing(&folder);
    assert!(!bringing.bring(vec![named(rope, true)], &shelf).await.expect("it goes on"));
    assert_eq!(bringing.missing().iter().copied().collect::<Vec<_>>(), [named(rope, true)]);
    shelf.put_rope(&[one]);
    assert_eq!(bringing.bring_missing(&shelf).await.expect("it comes"), 1);
    assert_eq!(bringing.missing().iter().copied().collect::<Vec<_>>(), [named(one, false)], "its piece was lost, too");
    shelf.put("one");
    assert_eq!(bringing.bring_missing(&shelf).await.expect("it comes"), 1);
    assert!(bringing.missing().is_empty() && bringing.blobs.contains(one).await.expect("blobs"));
}

/// Has nothing, takes its time to say so, and counts who asks meanwhile.
#[derive(Default)]
struct Slow {
    asking: AtomicUsize,
    most: AtomicUsize,
}

impl BlobSource for Slow {
    fn fetch<'a>(&'a self, _: u64, _: Sha256, _: &'a Path) -> BoxFuture<'a, Result<bool, ReplicaError>> {
        Box::pin(async move {
            let asking = self.asking.fetch_add(1, Relaxed) + 1;
            self.most.fetch_max(asking, Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.asking.fetch_sub(1, Relaxed);
            Ok(false)
        })
    }
}

#[tokio::test]
async fn so_many_blobs_are_fetched_at_the_same_time_and_no_more() {
    let (folder, slow) = (TempDir::new().expect("a folder"), Slow::default());
    let many = (0..3 * AT_ONCE_MAX).map(|number| named(Sha256::of(&number.to_be_bytes()), false));
    bringing(&folder).bring(many.collect(), &slow).await.expect("it goes on");
    assert_eq!(slow.most.into_inner(), AT_ONCE_MAX);
}

#[tokio::test]
async fn so_many_blobs_are_remembered_and_then_all_are_looked_at_again() {
    let (folder, shelf) = (TempDir::new().expect("a folder"), Shelf::default());
    let [one, two] = ["one", "two"].map(|text| shelf.put(text));
    let mut bringing = bringing(&folder);
    bringing.bring(vec![named(one, false)], &shelf).await.expect("it comes");
    std::fs::remove_file(bringing.blobs.local_path(one).expect("a file")).expect("it is here");
    let numbered = |number: usize| {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        Sha256(digest)
    };
    bringing.seen.extend((2..SEEN_MAX).map(numbered));
    assert_eq!(bringing.seen.len(), SEEN_MAX - 1);
    // What is remembered is not looked at: that this one is gone is not seen.
    bringing.bring(vec![named(one, false), named(two, false)], &shelf).await.expect("it comes");
    assert_eq!((shelf.asked(), bringing.seen.len()), (sorted(vec![one, two]), SEEN_MAX));
    bringing.bring(vec![named(one, false)], &shelf).await.expect("it comes");
    assert_eq!((shelf.asked(), bringing.seen.len()), (vec![one], 1));
}
