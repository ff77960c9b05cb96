//! The port to the content-addressed blob store: where index files are stored.

use bytes::Bytes;
use domain::digest::Sha256;
use futures::future::BoxFuture;

use crate::BoxError;

/// A blob could not be stored or fetched.
#[derive(Debug, thiserror::Error)]
pub enum BlobStoreError {
    /// Nothing has this digest. An event names blobs that exist, so waiting does not help.
    #[error("there is no blob (stored file) {0}")]
    Missing(Sha256),
    /// The store cannot be reached; trying again may help.
    #[error("cannot read or write the blob store")]
    Unavailable(#[source] BoxError),
}

/// Bytes by their SHA-256.
pub trait BlobStore: Send + Sync + 'static {
    /// Stores `bytes`, durably before it answers; storing them again changes nothing.
    ///
    /// # Errors
    /// `Unavailable`.
    fn put(&self, bytes: Bytes) -> BoxFuture<'_, Result<Sha256, BlobStoreError>>;

    /// The bytes with this digest.
    ///
    /// # Errors
    /// `Missing` or `Unavailable`.
    fn get(&self, digest: Sha256) -> BoxFuture<'_, Result<Bytes, BlobStoreError>>;
}
