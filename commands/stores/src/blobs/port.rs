//! The store as projections see it.

use bytes::Bytes;
use domain::digest::Sha256;
use futures::future::BoxFuture;
use ports::blob_store::{BlobStore, BlobStoreError};

use super::{BlobError, Blobs};

impl BlobStore for Blobs {
    fn put(&self, bytes: Bytes) -> BoxFuture<'_, Result<Sha256, BlobStoreError>> {
        Box::pin(async move { Ok(self.put_bytes(bytes).await?) })
    }

    fn get(&self, digest: Sha256) -> BoxFuture<'_, Result<Bytes, BlobStoreError>> {
        Box::pin(async move { Ok(self.get(digest).await?) })
    }
}

impl From<BlobError> for BlobStoreError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NotFound { digest } => Self::Missing(digest),
            other => Self::Unavailable(other.into()),
        }
    }
}
