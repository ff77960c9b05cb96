//! Storing a file part by part: the memory needed does not depend on its size.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use bytes::Bytes;
use domain::digest::Sha256;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use sha2::Digest;

use super::{BlobError, blocking, layout};

/// The parts in which a large file is copied; S3 takes none below 5 MiB.
pub(crate) const PART_BYTES: usize = 8 * 1024 * 1024;

/// What a first look at a file gives.
pub(super) enum Surveyed {
    /// Not more than one part: all of it.
    Small(Bytes),
    /// More than one part.
    Large { digest: Sha256, size_bytes: u64 },
}

/// A file that is read in parts, hashed on the way.
struct Source {
    file: File,
    hasher: sha2::Sha256,
    size_bytes: u64,
}

/// Reads the whole file, and keeps it if it is small.
pub(super) async fn survey(path: &Path) -> Result<Surveyed, BlobError> {
    let owned = path.to_owned();
    blocking(move || survey_now(&owned)).await?.map_err(unreadable(path))
}

fn survey_now(path: &Path) -> io::Result<Surveyed> {
    let mut source = Source::open(path)?;
    let first = source.read_part()?;
    if first.len() < PART_BYTES {
        return Ok(Surveyed::Small(first));
    }
    while !source.read_part()?.is_empty() {}
    let size_bytes = source.size_bytes;
    Ok(Surveyed::Large { digest: source.digest(), size_bytes })
}

/// Copies the file under the name `digest`, which appears only if the bytes have that digest indeed.
pub(super) async fn copy(store: &dyn ObjectStore, path: &Path, digest: Sha256) -> Result<(), BlobError> {
    let location = layout::location(digest);
    let mut upload = store.put_multipart(&location).await.map_err(BlobError::unavailable("write to"))?;
    let copied = copy_parts(&mut *upload, path, digest).await;
    if copied.is_err() {
        // What matters is why the copy failed; what is left of it has no name that anyone asks for.
        let _left_over = upload.abort().await;
    }
    copied
}

async fn copy_parts(upload: &mut dyn MultipartUpload, path: &Path, digest: Sha256) -> Result<(), BlobError> {
    let owned = path.to_owned();
    let mut source = blocking(move || Source::open(&owned)).await?.map_err(unreadable(path))?;
    loop {
        let (read_on, part) = blocking(move || {
            let part = source.read_part();
            (source, part)
        })
        .await?;
        source = read_on;
        let part = part.map_err(unreadable(path))?;
        if part.is_empty() {
            break;
        }
        upload.put_part(PutPayload::from_bytes(part)).await.map_err(BlobError::unavailable("write to"))?;
    }
    if source.digest() != digest {
        return Err(unreadable(path)(io::Error::other("it changed while it was being stored")));
    }
    upload.complete().await.map_err(BlobError::unavailable("write to"))?;
    Ok(())
}

impl Source {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, hasher: sha2::Sha256::new(), size_bytes: 0 })
    }

    /// A whole part; less at the end of the file, nothing after it.
    fn read_part(&mut self) -> io::Result<Bytes> {
        let mut part = Vec::new();
        (&self.file).take(PART_BYTES as u64).read_to_end(&mut part)?;
        self.hasher.update(&part);
        self.size_bytes += part.len() as u64;
        Ok(part.into())
    }

    fn digest(self) -> Sha256 {
        Sha256(self.hasher.finalize().into())
    }
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> BlobError {
    move |source| BlobError::Unreadable { path: path.to_owned(), source }
}
