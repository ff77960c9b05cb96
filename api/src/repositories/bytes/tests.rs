use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use http_body_util::BodyExt as _;

use super::*;

const MANIFEST: Sha256 = Sha256([1; 32]);

/// A blob store in memory that counts how often it is asked.
#[derive(Default)]
struct CountingBlobs {
    blobs: BTreeMap<Sha256, Bytes>,
    pieces: Vec<Piece>,
    opened: AtomicUsize,
}

impl BlobReads for CountingBlobs {
    fn open(&self, sha256: Sha256, range: Range<u64>) -> BoxFuture<'_, io::Result<ByteStream>> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let blob = self.blobs.get(&sha256).ok_or(io::ErrorKind::NotFound)?;
            assert!(range.start < range.end && range.end <= blob.len() as u64, "{range:?} lies inside the blob");
            Ok(stream::iter([Ok(cut(blob, range))]).boxed())
        })
    }

    fn pieces(&self, manifest: Sha256) -> BoxFuture<'_, io::Result<Arc<[Piece]>>> {
        assert_eq!(manifest, MANIFEST);
        Box::pin(async move { Ok(self.pieces.as_slice().into()) })
    }
}

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

/// A file stored as one blob, or as a rope of these parts, every second of which is written into its manifest.
fn store(parts: &[&[u8]]) -> (Arc<CountingBlobs>, Located) {
    let mut store = CountingBlobs::default();
    for (index, part) in parts.iter().enumerate() {
        let (sha256, bytes) = (Sha256::of(part), Bytes::copy_from_slice(part));
        if index % 2 == 1 {
            store.pieces.push(Piece::Inline(bytes));
        } else {
            store.pieces.push(Piece::Blob { sha256, size_bytes: part.len() as u64 });
            store.blobs.insert(sha256, bytes);
        }
    }
    let stored = if parts.len() == 1 { Stored::Blob } else { Stored::Rope(MANIFEST) };
    (Arc::new(store), located(&parts.concat(), stored))
}

async fn read(bytes: &FileBytes, file: &Located, range: Range<u64>) -> Vec<u8> {
    bytes.body(file, range).await.expect("an answer").collect().await.expect("all bytes").to_bytes().to_vec()
}

#[tokio::test]
async fn every_range_of_a_rope_is_cut_from_the_right_pieces() {
    let parts: [&[u8]; 4] = [b"abc", b"d", b"efgh", b"ij"];
    let (blobs, file) = store(&parts);
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
    let (blobs, file) = store(&[&[b'x'; CACHED_FILE_MAX_BYTES as usize]]);
    let bytes = FileBytes::new(blobs.clone(), CACHE_MAX_BYTES);
    for _ in 0..3 {
        assert_eq!(read(&bytes, &file, 1..3).await, b"xx");
    }
    assert_eq!(blobs.opened.load(Ordering::Relaxed), 1);

    let (blobs, file) = store(&[&[b'x'; CACHED_FILE_MAX_BYTES as usize + 1]]);
    let bytes = FileBytes::new(blobs.clone(), CACHE_MAX_BYTES);
    for _ in 0..3 {
        assert_eq!(read(&bytes, &file, 1..3).await, b"xx");
    }
    assert_eq!(blobs.opened.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn memory_holds_at_most_what_it_may() {
    let bytes_max = 10_000;
    let files: Vec<_> = (0..100_u8).map(|n| vec![n; 1000]).collect();
    let blobs = files.iter().map(|file| (Sha256::of(file), Bytes::from(file.clone()))).collect();
    let blobs = CountingBlobs { blobs, ..CountingBlobs::default() };
    let bytes = FileBytes::new(Arc::new(blobs), bytes_max);
    for file in &files {
        let (_, located) = store(&[file]);
        read(&bytes, &located, 0..1000).await;
    }
    bytes.cache.run_pending_tasks().await;
    assert!(bytes.cache.weighted_size() <= bytes_max, "{}", bytes.cache.weighted_size());
}

#[tokio::test]
async fn a_missing_or_short_blob_is_our_failure_and_is_not_kept() {
    let (_, file) = store(&[b"abc"]);
    let missing = FileBytes::new(Arc::new(CountingBlobs::default()), CACHE_MAX_BYTES);
    assert!(matches!(missing.body(&file, 0..3).await, Err(Problem::Internal { .. })));

    let (blobs, file) = store(&[b"abc", b"def"]);
    let longer = Located { size_bytes: 7, ..file };
    let bytes = FileBytes::new(blobs, CACHE_MAX_BYTES);
    assert!(matches!(bytes.body(&longer, 0..3).await, Err(Problem::Internal { .. })));
    assert!(bytes.cache.get(&longer.sha256).await.is_none());
}
