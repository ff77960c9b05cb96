//! The content of files: small files are cached in memory, others are streamed from their blobs.

#[cfg(test)]
mod tests;

use std::{io, ops::Range, sync::Arc};

use api_http::problem::Problem;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use domain::{digest::Sha256, repository::Stored};
use event_log::event_store::BoxError;
use formats::segmented_file::{Manifest, Piece};
use futures::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use index::Located;
use moka::future::Cache;
use stores::blobs::Blobs;

/// The maximum size of a cached file: the signed index files of most repositories are smaller, most packages larger.
pub(crate) const CACHED_FILE_MAX_BYTES: u64 = 1024 * 1024;
/// The maximum size of the cache.
pub const CACHE_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// How many manifests are cached. The newest versions need a handful for each repository.
const MANIFESTS_CACHED_MAX: u64 = 4_096;

/// A stream of a blob's bytes.
type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// The blobs, with a cache of small files. Files are identified by their digest, so the cache is never stale.
#[derive(Clone)]
pub struct FileBytes {
    blobs: Blobs,
    cache: Cache<Sha256, Bytes>,
    manifests: Cache<Sha256, Arc<[Piece]>>,
}

impl FileBytes {
    /// Caches up to `cache_max_bytes`.
    #[must_use]
    pub fn new(blobs: Blobs, cache_max_bytes: u64) -> Self {
        let weight = |_: &Sha256, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let cache = Cache::builder().weigher(weight).max_capacity(cache_max_bytes).build();
        Self { blobs, cache, manifests: Cache::new(MANIFESTS_CACHED_MAX) }
    }

    /// The pieces that make up the segmented file with this manifest, in order.
    ///
    /// # Errors
    /// The manifest cannot be read.
    pub async fn pieces(&self, manifest: Sha256) -> io::Result<Arc<[Piece]>> {
        let read = async {
            let bytes = self.blobs.get(manifest).await.map_err(io::Error::other)?;
            Ok::<_, io::Error>(Manifest::parse(&bytes).map_err(io::Error::other)?.pieces.into())
        };
        self.manifests.try_get_with(manifest, read).await.map_err(io::Error::other)
    }

    /// A part of a file as a response's body; `range` lies inside the file.
    ///
    /// # Errors
    /// `Internal` if a blob cannot be opened.
    pub async fn body(&self, file: &Located, range: Range<u64>) -> Result<Body, Problem> {
        let failed = |error: BoxError| Problem::Internal { action: "read the file", source: error };
        if file.size_bytes > CACHED_FILE_MAX_BYTES {
            let stream = self.stream(file, range).await.map_err(|error| failed(error.into()))?;
            return Ok(Body::from_stream(stream));
        }
        let whole = match self.cache.get(&file.sha256).await {
            Some(bytes) => bytes,
            // Concurrent requests for the same file wait for one read.
            None => {
                let read = self.read_whole(file);
                self.cache.try_get_with(file.sha256, read).await.map_err(|error| failed(error.into()))?
            }
        };
        Ok(Body::from(cut(&whole, range)))
    }

    async fn read_whole(&self, file: &Located) -> io::Result<Bytes> {
        let size = usize::try_from(file.size_bytes).unwrap_or(usize::MAX);
        let start = BytesMut::with_capacity(size.min(CACHED_FILE_MAX_BYTES as usize));
        let stream = self.stream(file, 0..file.size_bytes).await?;
        let read = stream.try_fold(start, async |mut whole, bytes| {
            whole.extend_from_slice(&bytes);
            Ok(whole)
        });
        let whole = read.await?;
        if whole.len() != size {
            let text = format!("blob of {} has {} bytes instead of {size}", file.sha256, whole.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        // What is kept in memory is answered again and again: so it is checked after reading.
        if Sha256::of(&whole) != file.sha256 {
            let text = format!("the bytes of {} are not those that were stored", file.sha256);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(whole.freeze())
    }

    /// The first blob is opened before the answer starts, so that a missing one is a 500 and not a cut answer.
    async fn stream(&self, file: &Located, range: Range<u64>) -> io::Result<ByteStream> {
        let manifest = match file.stored {
            Stored::Blob => return open_blob(&self.blobs, file.sha256, range).await,
            Stored::Segmented(manifest) => manifest,
            Stored::Unserved => return Err(io::ErrorKind::NotFound.into()),
        };
        let mut parts = parts_of(&self.pieces(manifest).await?, range).into_iter();
        let Some(first) = parts.next() else { return Ok(stream::empty().boxed()) };
        let first = open_part(&self.blobs, first).await?;
        let blobs = self.blobs.clone();
        let rest = stream::iter(parts).then(move |part| {
            let blobs = blobs.clone();
            async move { open_part(&blobs, part).await }
        });
        Ok(first.chain(rest.try_flatten()).boxed())
    }
}

/// A piece, as far as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Blob(Sha256, Range<u64>),
    Inline(Bytes),
}

/// Fails now if the blob is not there, and in the stream if it ends early. `range` lies inside it and is not empty.
async fn open_blob(blobs: &Blobs, sha256: Sha256, range: Range<u64>) -> io::Result<ByteStream> {
    let blob = blobs.open(sha256, Some(range)).await.map_err(io::Error::other)?;
    Ok(blob.bytes.map_err(io::Error::other).boxed())
}

async fn open_part(blobs: &Blobs, part: Part) -> io::Result<ByteStream> {
    match part {
        Part::Blob(sha256, range) => open_blob(blobs, sha256, range).await,
        Part::Inline(bytes) => Ok(stream::iter([Ok(bytes)]).boxed()),
    }
}

/// `range` of bytes in memory; what lies outside is left out.
fn cut(whole: &Bytes, range: Range<u64>) -> Bytes {
    let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(whole.len());
    whole.slice(within(range.start)..within(range.end).max(within(range.start)))
}

/// Which parts of which pieces make up `range` of the segmented file.
fn parts_of(pieces: &[Piece], range: Range<u64>) -> Vec<Part> {
    let mut start = 0_u64;
    let mut parts = Vec::new();
    for piece in pieces {
        let end = start.saturating_add(piece.size_bytes());
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            let within = from - start..to - start;
            parts.push(match piece {
                Piece::Blob { sha256, .. } => Part::Blob(*sha256, within),
                Piece::Inline(bytes) => Part::Inline(cut(bytes, within)),
            });
        }
        start = end;
    }
    parts
}
