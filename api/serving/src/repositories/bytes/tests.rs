use http_body_util::BodyExt as _;
use tempfile::TempDir;

use super::*;

fn located(whole: &[u8], stored: Stored) -> Located {
    Located {
        sha256: Sha256::of(whole),
        size_bytes: whole.len() as u64,
        stored,
        last_modified: chrono::DateTime::UNIX_EPOCH,
        immutable: true,
        content_type: "text/plain",
    }
}

fn blobs() -> (TempDir, Blobs) {
    let folder = TempDir::new().expect("a folder");
    let blobs = Blobs::local(folder.path()).expect("blobs");
    (folder, blobs)
}

/// Stores a file as one blob, or in these pieces, every second of which is written into its manifest.
async fn store(blobs: &Blobs, parts: &[&[u8]]) -> Located {
    let mut manifest = Manifest::default();
    for (index, part) in parts.iter().enumerate() {
        let bytes = Bytes::copy_from_slice(part);
        manifest.pieces.push(match index % 2 {
            1 => Piece::Inline(bytes),
            _ => {
                let size_bytes = bytes.len() as u64;
                Piece::Blob { sha256: blobs.put_bytes(bytes).await.expect("stored"), size_bytes }
            }
        });
    }
    let stored = match parts.len() {
        1 => Stored::Blob,
        _ => Stored::Segmented(blobs.put_bytes(manifest.to_bytes()).await.expect("stored")),
    };
    located(&parts.concat(), stored)
}

/// Deletes a blob behind the store's back.
fn lose(blobs: &Blobs, sha256: Sha256) {
    std::fs::remove_file(blobs.local_path(sha256).expect("a file")).expect("it was there");
}

async fn read(bytes: &FileBytes, file: &Located, range: Range<u64>) -> Vec<u8> {
    bytes.body(file, range).await.expect("an answer").collect().await.expect("all bytes").to_bytes().to_vec()
}

#[tokio::test]
async fn every_range_of_a_segmented_file_is_cut_from_the_right_pieces() {
    let parts: [&[u8]; 4] = [b"abc", b"d", b"efgh", b"ij"];
    let (_folder, blobs) = blobs();
    let file = store(&blobs, &parts).await;
    let whole = parts.concat();
    let bytes = FileBytes::new(blobs, CACHE_MAX_BYTES);
    for start in 0..10_u64 {
        for end in start + 1..=10 {
            let expected = &whole[start as usize..end as usize];
            assert_eq!(read(&bytes, &file, start..end).await, expected, "cached {start}..{end}");
            let stream = bytes.stream(&file, start..end).await.expect("a stream");
            let streamed: Vec<Bytes> = stream.try_collect().await.expect("all bytes");
            assert_eq!(streamed.concat(), expected, "streamed {start}..{end}");
        }
    }
}

#[tokio::test]
async fn a_small_file_is_read_once_and_a_large_one_each_time() {
    let (_folder, blobs) = blobs();
    let bytes = FileBytes::new(blobs.clone(), CACHE_MAX_BYTES);
    for (size, is_cached) in [(CACHED_FILE_MAX_BYTES as usize, true), (CACHED_FILE_MAX_BYTES as usize + 1, false)] {
        let file = store(&blobs, &[&vec![b'x'; size]]).await;
        assert_eq!(read(&bytes, &file, 1..3).await, b"xx");
        lose(&blobs, file.sha256);
        assert_eq!(bytes.body(&file, 1..3).await.is_ok(), is_cached, "{size} bytes");
    }
}

#[tokio::test]
async fn memory_holds_at_most_what_it_may() {
    let bytes_max = 10_000;
    let (_folder, blobs) = blobs();
    let bytes = FileBytes::new(blobs.clone(), bytes_max);
    for n in 0..100_u8 {
        let file = store(&blobs, &[&[n; 1000]]).await;
        read(&bytes, &file, 0..1000).await;
    }
    bytes.cache.run_pending_tasks().await;
    assert!(bytes.cache.weighted_size() <= bytes_max, "{}", bytes.cache.weighted_size());
}

#[tokio::test]
async fn a_missing_or_short_blob_is_our_failure_and_is_not_kept() {
    let (_folder, blobs) = blobs();
    let bytes = FileBytes::new(blobs.clone(), CACHE_MAX_BYTES);
    let missing = store(&blobs, &[b"abc"]).await;
    lose(&blobs, missing.sha256);
    assert!(matches!(bytes.body(&missing, 0..3).await, Err(Problem::Internal { .. })));

    let file = store(&blobs, &[b"abc", b"def"]).await;
    let longer = Located { size_bytes: 7, ..file };
    assert!(matches!(bytes.body(&longer, 0..3).await, Err(Problem::Internal { .. })));
    assert!(bytes.cache.get(&longer.sha256).await.is_none());
}
