//! The blob store, as projections keep index files in it.

use bytes::Bytes;
use domain::digest::Sha256;
use futures::future::BoxFuture;
use projections::blob::{BlobError, BlobStore};
use stores::blobs::{self, Blobs};

/// Keeps index files among the other blobs.
pub struct IndexBlobs(pub Blobs);

impl BlobStore for IndexBlobs {
    fn put(&self, bytes: Bytes) -> BoxFuture<'_, Result<Sha256, BlobError>> {
        Box::pin(async move { self.0.put_bytes(bytes).await.map_err(failed) })
    }

    fn get(&self, digest: Sha256) -> BoxFuture<'_, Result<Bytes, BlobError>> {
        Box::pin(async move { self.0.get(digest).await.map_err(failed) })
    }
}

fn failed(error: blobs::BlobError) -> BlobError {
    match error {
        blobs::BlobError::NotFound { digest } => BlobError::Missing(digest),
        other => BlobError::Unavailable(other.into()),
    }
}
