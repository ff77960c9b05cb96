//! The content-addressed store of packages, indexes and logs: a blob's name is its SHA-256 digest.
//!
//! A blob is visible either whole or not at all, and durable before a put answers. Blobs never change and are never overwritten
//! with anything else, so they may be cached for ever.

mod error;
mod ingest;
mod layout;
mod local;
mod port;
#[cfg(test)]
mod tests;

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use domain::digest::Sha256;
use futures::{StreamExt, stream::BoxStream};
use object_store::{GetOptions, ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem};
use sha2::Digest as _;
use tokio::io::AsyncWriteExt as _;

pub use error::BlobError;

/// Larger pieces are hashed on a thread that may block, so that no other task waits for it (100 µs).
const HASH_INLINE_BYTES_MAX: usize = 128 * 1024;

/// A blob's place below the folder of a local store: `sha256/ab/abcd…`.
#[must_use]
pub fn place(digest: Sha256) -> String {
    layout::location(digest).to_string()
}

/// A store of blobs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// Where the blobs are files of this machine.
    folder: Option<Arc<Path>>,
}

/// A blob that is being read.
pub struct OpenBlob {
    /// The size of the whole blob.
    pub size_bytes: u64,
    /// The part that is read.
    pub range: Range<u64>,
    /// The bytes of the part.
    pub bytes: BoxStream<'static, Result<Bytes, BlobError>>,
}

impl Blobs {
    /// Blobs as files below `folder`, which is created if it does not exist.
    ///
    /// Blocks for some milliseconds the first time: the folders are made now, so that a put has to sync one folder only.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn local(folder: impl AsRef<Path>) -> Result<Self, BlobError> {
        let folder = folder.as_ref();
        layout::create_folders(folder).map_err(BlobError::unavailable("create the folders of"))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(BlobError::unavailable("open"))?.with_fsync(true);
        Ok(Self { store: Arc::new(store), folder: Some(folder.into()) })
    }

    /// Stores `bytes`; costs almost nothing if they are there already.
    ///
    /// # Errors
    /// The store cannot be written to.
    pub async fn put_bytes(&self, bytes: Bytes) -> Result<Sha256, BlobError> {
        let digest = digest_of(bytes.clone()).await?;
        if !self.contains_durably(digest).await? {
            let put = self.store.put(&layout::location(digest), PutPayload::from_bytes(bytes)).await;
            put.map_err(BlobError::unavailable("write to"))?;
        }
        Ok(digest)
    }

    /// Stores what the file at `path` holds, in parts of [`PART_BYTES`]; answers its digest and its size in bytes.
    ///
    /// A large file is read twice: once for the digest, which is the blob's name, and once more if the blob must be copied.
    ///
    /// # Errors
    /// The file cannot be read or changes meanwhile, or the store cannot be written to.
    pub async fn put_file(&self, path: impl AsRef<Path>) -> Result<(Sha256, u64), BlobError> {
        let path = path.as_ref();
        match ingest::survey(path).await? {
            ingest::Surveyed::Small(bytes) => {
                let size_bytes = bytes.len() as u64;
                Ok((self.put_bytes(bytes).await?, size_bytes))
            }
            ingest::Surveyed::Large { digest, size_bytes } => {
                if !self.contains_durably(digest).await? {
                    ingest::copy(&*self.store, path, digest).await?;
                }
                Ok((digest, size_bytes))
            }
        }
    }

    /// Whether the blob is there.
    ///
    /// # Errors
    /// The store cannot be reached.
    pub async fn contains(&self, digest: Sha256) -> Result<bool, BlobError> {
        match self.size(digest).await {
            Ok(_) => Ok(true),
            Err(BlobError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The blob's size in bytes.
    ///
    /// # Errors
    /// There is no such blob, or the store cannot be reached.
    pub async fn size(&self, digest: Sha256) -> Result<u64, BlobError> {
        let meta = self.store.head(&layout::location(digest)).await.map_err(BlobError::of(digest))?;
        Ok(meta.size)
    }

    /// The whole blob, checked against its digest. For what is known to be small: it is held in memory.
    ///
    /// # Errors
    /// There is no such blob, it is damaged, or the store cannot be reached.
    pub async fn get(&self, digest: Sha256) -> Result<Bytes, BlobError> {
        let got = self.store.get(&layout::location(digest)).await.map_err(BlobError::of(digest))?;
        let bytes = got.bytes().await.map_err(BlobError::of(digest))?;
        if digest_of(bytes.clone()).await? != digest {
            return Err(BlobError::Corrupt { digest });
        }
        Ok(bytes)
    }

    /// Reads the whole blob in pieces, and answers its size in bytes if it is what its name says.
    ///
    /// # Errors
    /// There is no such blob, it is damaged, or the store cannot be reached.
    pub async fn check(&self, digest: Sha256) -> Result<u64, BlobError> {
        let OpenBlob { size_bytes, mut bytes, .. } = self.open(digest, None).await?;
        let mut hasher = sha2::Sha256::new();
        while let Some(piece) = bytes.next().await {
            let piece = piece?;
            hasher = blocking(move || hasher.chain_update(&piece)).await?;
        }
        if hasher.finalize()[..] == digest.0 { Ok(size_bytes) } else { Err(BlobError::Corrupt { digest }) }
    }

    /// A stream of the blob, or of a part of it. The bytes are not checked against the digest: a part cannot be, and a client
    /// that was promised the digest checks it itself.
    ///
    /// # Errors
    /// There is no such blob, the range begins behind its end or is empty, or the store cannot be reached. The stream fails when
    /// the blob is shorter than it was.
    pub async fn open(&self, digest: Sha256, range: Option<Range<u64>>) -> Result<OpenBlob, BlobError> {
        if let Some(path) = self.local_path(digest) {
            return local::open(&path, digest, range).await;
        }
        let location = layout::location(digest);
        let options = GetOptions { range: range.clone().map(Into::into), ..GetOptions::default() };
        let got = match (self.store.get_opts(&location, options).await, range) {
            (Ok(got), _) => got,
            (Err(error), None) => return Err(BlobError::of(digest)(error)),
            (Err(error), Some(range)) => {
                let size_bytes = self.size(digest).await?;
                let is_outside = range.start >= size_bytes || range.is_empty();
                return Err(if is_outside {
                    BlobError::OutsideOf { digest, size_bytes }
                } else {
                    BlobError::of(digest)(error)
                });
            }
        };
        let (size_bytes, range) = (got.meta.size, got.range.clone());
        let bytes = got.into_stream().map(move |piece| piece.map_err(BlobError::of(digest)));
        Ok(OpenBlob { size_bytes, range, bytes: bytes.boxed() })
    }

    /// Writes the blob to the new file `to`, in pieces: it may be larger than the memory.
    ///
    /// # Errors
    /// There is no such blob, the store cannot be reached, or the file cannot be written.
    pub async fn download(&self, digest: Sha256, to: &Path) -> Result<(), BlobError> {
        let failed = || BlobError::unavailable("copy from");
        let mut bytes = self.open(digest, None).await?.bytes;
        let mut file = tokio::fs::File::create(to).await.map_err(failed())?;
        while let Some(piece) = bytes.next().await {
            file.write_all(&piece?).await.map_err(failed())?;
        }
        file.flush().await.map_err(failed())
    }

    /// Where the blob is a file of this machine, if it is stored at all; nothing for a remote store. The file is not to be changed.
    #[must_use]
    pub fn local_path(&self, digest: Sha256) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| layout::file(folder, digest))
    }

    /// Whether the blob is there and stays there.
    ///
    /// Another put may have made the file visible without having synced its folder yet, or may have died in between.
    async fn contains_durably(&self, digest: Sha256) -> Result<bool, BlobError> {
        let is_there = self.contains(digest).await?;
        if let (true, Some(file)) = (is_there, self.local_path(digest)) {
            blocking(move || layout::sync_folder_of(&file)).await?.map_err(BlobError::unavailable("sync"))?;
        }
        Ok(is_there)
    }
}

async fn digest_of(bytes: Bytes) -> Result<Sha256, BlobError> {
    if bytes.len() <= HASH_INLINE_BYTES_MAX {
        return Ok(Sha256::of(&bytes));
    }
    blocking(move || Sha256::of(&bytes)).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, BlobError> {
    crate::blocking::blocking(work).await.map_err(BlobError::unavailable("work on"))
}
