//! A local store: what is put can be got, whole, once, and nothing else is there.

use std::{fs, path::Path};

use bytes::Bytes;
use domain::digest::Sha256;
use futures::{TryStreamExt, future::join_all};
use tempfile::TempDir;

use super::{BlobError, Blobs, HASH_INLINE_BYTES_MAX, local::PIECE_BYTES_MAX};
use crate::blobs::ingest::PART_BYTES;

fn local() -> (TempDir, Blobs) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let blobs = Blobs::local(folder.path().join("blobs")).expect("the store opens");
    (folder, blobs)
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            names.extend(files(&path));
        } else {
            names.push(path.file_name().expect("a name").to_string_lossy().into_owned());
        }
    }
    names
}

async fn read(blobs: &Blobs, digest: Sha256, range: Option<std::ops::Range<u64>>) -> Result<Vec<u8>, BlobError> {
    let pieces: Vec<Bytes> = blobs.open(digest, range).await?.bytes.try_collect().await?;
    Ok(pieces.concat())
}

#[tokio::test]
async fn what_was_put_can_be_got() {
    let (_folder, blobs) = local();
    for size in [0, 1, HASH_INLINE_BYTES_MAX, HASH_INLINE_BYTES_MAX + 1] {
        let bytes = Bytes::from(vec![7; size]);
        let digest = blobs.put_bytes(bytes.clone()).await.expect("stored");
        assert_eq!(digest, Sha256::of(&bytes));
        assert_eq!(blobs.get(digest).await.expect("found"), bytes);
        assert_eq!(blobs.size(digest).await.expect("found"), size as u64);
        assert!(blobs.contains(digest).await.expect("known"));
        assert_eq!(read(&blobs, digest, None).await.expect("found"), bytes);
    }
}

#[tokio::test]
async fn a_blob_lies_in_the_folder_of_its_first_byte() {
    let (folder, blobs) = local();
    let digest = blobs.put_bytes(Bytes::from_static(b"abc")).await.expect("stored");
    let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let expected = folder.path().join("blobs/sha256/ba").join(name);
    assert_eq!(blobs.local_path(digest), Some(expected.clone()));
    assert_eq!(fs::read(expected).expect("a file"), b"abc");
}

#[tokio::test]
async fn what_was_never_put_is_not_found() {
    let (_folder, blobs) = local();
    let digest = Sha256::of(b"nothing");
    assert!(!blobs.contains(digest).await.expect("known"));
    for error in [
        blobs.get(digest).await.err(),
        blobs.size(digest).await.err(),
        blobs.open(digest, None).await.err(),
        blobs.open(digest, Some(0..1)).await.err(),
    ] {
        assert!(matches!(error, Some(BlobError::NotFound { digest: missing }) if missing == digest), "{error:?}");
    }
}

#[tokio::test]
async fn a_put_of_what_is_there_writes_nothing() {
    use std::os::unix::fs::MetadataExt;
    let (folder, blobs) = local();
    let bytes = Bytes::from_static(b"once");
    let digest = blobs.put_bytes(bytes.clone()).await.expect("stored");
    let file = blobs.local_path(digest).expect("a local store");
    let inode = fs::metadata(&file).expect("a file").ino();
    blobs.put_bytes(bytes).await.expect("stored");
    let copy = folder.path().join("copy");
    fs::write(&copy, "once").expect("written");
    assert_eq!(blobs.put_file(&copy).await.expect("stored"), (digest, 4));
    assert_eq!(fs::metadata(&file).expect("a file").ino(), inode);
}

#[tokio::test]
async fn a_file_of_any_number_of_parts_is_stored_whole() {
    let (folder, blobs) = local();
    let path = folder.path().join("package.deb");
    for size in [0, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, 2 * PART_BYTES + 1] {
        let bytes: Vec<u8> = (0..size).map(|i| (i / 1000) as u8).collect();
        fs::write(&path, &bytes).expect("written");
        let (digest, size_bytes) = blobs.put_file(&path).await.expect("stored");
        assert_eq!((digest, size_bytes), (Sha256::of(&bytes), size as u64));
        assert_eq!(fs::read(blobs.local_path(digest).expect("local")).expect("a file"), bytes);
    }
    assert!(files(&folder.path().join("blobs")).iter().all(|name| name.len() == 64), "no staged file is left");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    let (folder, blobs) = local();
    let path = folder.path().join("missing.deb");
    let error = blobs.put_file(&path).await.expect_err("unreadable");
    assert!(matches!(&error, BlobError::Unreadable { path: named, .. } if *named == path), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_not_what_it_was_leaves_no_blob_behind() {
    let (folder, blobs) = local();
    let path = folder.path().join("package.deb");
    fs::write(&path, vec![1; PART_BYTES + 1]).expect("written");
    let promised = Sha256::of(b"something else");
    let error = super::ingest::copy(&*blobs.store, &path, promised).await.expect_err("changed");
    assert!(matches!(&error, BlobError::Unreadable { .. }), "{error:?}");
    assert!(!blobs.contains(promised).await.expect("known"));
    assert_eq!(files(&folder.path().join("blobs")), Vec::<String>::new());
}

/// A reader that finds a blob while it is being put finds all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_puts_of_the_same_blob_make_one_and_never_show_a_part_of_it() {
    let (folder, blobs) = local();
    let bytes = Bytes::from(vec![9; PART_BYTES + 100]);
    let digest = Sha256::of(&bytes);
    let source = folder.path().join("source");
    fs::write(&source, &bytes).expect("written");
    let puts = join_all((0..8).map(|n| {
        let (blobs, bytes, source) = (blobs.clone(), bytes.clone(), source.clone());
        tokio::spawn(async move {
            if n % 2 == 0 {
                blobs.put_bytes(bytes).await
            } else {
                blobs.put_file(source).await.map(|(digest, _)| digest)
            }
        })
    }));
    let watcher = tokio::spawn({
        let blobs = blobs.clone();
        async move {
            loop {
                match blobs.get(digest).await {
                    Ok(whole) => return whole.len(),
                    Err(BlobError::NotFound { .. }) => tokio::task::yield_now().await,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    });
    for put in puts.await {
        assert_eq!(put.expect("the put ended well").expect("stored"), digest);
    }
    assert_eq!(watcher.await.expect("the watcher ended well"), bytes.len());
    assert_eq!(files(&folder.path().join("blobs")), [digest.to_string()]);
}

#[tokio::test]
async fn a_part_of_a_blob_can_be_read() {
    let (_folder, blobs) = local();
    let digest = blobs.put_bytes(Bytes::from_static(b"0123456789")).await.expect("stored");
    for (asked, given, expected) in [(0..1, 0..1, "0"), (3..7, 3..7, "3456"), (7..100, 7..10, "789")] {
        let opened = blobs.open(digest, Some(asked.clone())).await.expect("found");
        assert_eq!((opened.size_bytes, opened.range.clone()), (10, given));
        assert_eq!(read(&blobs, digest, Some(asked)).await.expect("found"), expected.as_bytes());
    }
    #[expect(clippy::reversed_empty_ranges, reason = "a client may ask for one")]
    for outside in [10..11, 100..200, 3..3, 5..4] {
        let error = blobs.open(digest, Some(outside.clone())).await.err();
        assert!(matches!(error, Some(BlobError::OutsideOf { size_bytes: 10, .. })), "{outside:?} {error:?}");
    }
}

#[tokio::test]
async fn a_large_blob_is_read_in_large_pieces() {
    let (_folder, blobs) = local();
    let bytes: Vec<u8> = (0..2 * PIECE_BYTES_MAX + 1).map(|i| (i / 1000) as u8).collect();
    let digest = blobs.put_bytes(bytes.clone().into()).await.expect("stored");
    let opened = blobs.open(digest, None).await.expect("found");
    let pieces: Vec<Bytes> = opened.bytes.try_collect().await.expect("read");
    assert_eq!(pieces.concat(), bytes);
    assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [PIECE_BYTES_MAX, PIECE_BYTES_MAX, 1]);
    let range = PIECE_BYTES_MAX as u64 - 1..2 * PIECE_BYTES_MAX as u64;
    assert_eq!(read(&blobs, digest, Some(range)).await.expect("read"), bytes[PIECE_BYTES_MAX - 1..2 * PIECE_BYTES_MAX]);
}

/// What a remote store serves is read in the way of the object store.
#[tokio::test]
async fn a_store_without_a_folder_is_read_the_same_way() {
    let (_folder, blobs) = local();
    let remote = Blobs { folder: None, ..blobs.clone() };
    let digest = blobs.put_bytes(Bytes::from_static(b"0123456789")).await.expect("stored");
    assert_eq!(read(&remote, digest, None).await.expect("found"), b"0123456789");
    assert_eq!(read(&remote, digest, Some(7..100)).await.expect("found"), b"789");
    let outside = remote.open(digest, Some(10..11)).await.err();
    assert!(matches!(outside, Some(BlobError::OutsideOf { size_bytes: 10, .. })), "{outside:?}");
}

#[tokio::test]
async fn a_damaged_blob_is_recognised() {
    let (_folder, blobs) = local();
    let digest = blobs.put_bytes(Bytes::from_static(b"0123456789")).await.expect("stored");
    let file = blobs.local_path(digest).expect("a local store");
    fs::write(&file, "012345678X").expect("written");
    assert!(matches!(blobs.get(digest).await, Err(BlobError::Corrupt { .. })));

    let opened = blobs.open(digest, None).await.expect("found");
    fs::write(&file, "01").expect("written");
    let cut_off = opened.bytes.try_collect::<Vec<_>>().await;
    assert!(matches!(cut_off, Err(BlobError::Corrupt { .. })), "{cut_off:?}");
}

#[tokio::test]
async fn a_store_can_be_opened_again() {
    let (folder, blobs) = local();
    let digest = blobs.put_bytes(Bytes::from_static(b"kept")).await.expect("stored");
    drop(blobs);
    let blobs = Blobs::local(folder.path().join("blobs")).expect("the store opens again");
    assert_eq!(blobs.get(digest).await.expect("found"), "kept");
}
