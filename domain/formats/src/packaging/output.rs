//! Copies bytes from the built tree into a package file.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Read as _, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use domain::digest::Sha256;
use sha2::Digest as _;
use tempfile::NamedTempFile;

use super::error::WritePackageError;

/// A package file on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPackage {
    /// In the folder asked for, under the name that the format's tools give it.
    pub path: PathBuf,
    /// Its length.
    pub size_bytes: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// Calls `take` with the bytes of a built file, piece by piece: exactly `size_bytes` of them.
pub(super) fn each_chunk(
    path: &Path,
    size_bytes: u64,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), WritePackageError> {
    let failed = |source| WritePackageError::Source { path: path.to_owned(), source };
    let mut file = open_regular(path).map_err(failed)?;
    let mut buffer = vec![0; 128 * 1024];
    let mut left = size_bytes;
    loop {
        let read = match file.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        if read as u64 > left || (read == 0 && left > 0) {
            return Err(failed(io::Error::other(format!("its length is no longer {size_bytes} bytes"))));
        }
        if read == 0 {
            return Ok(());
        }
        left -= read as u64;
        take(&buffer[..read])?;
    }
}

/// Opens a regular file: never through a link, and never waiting for a FIFO's writer.
fn open_regular(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok(file)
}

/// A writer that counts and hashes what passes through it.
pub(super) struct Hashing<W> {
    inner: W,
    sha256: sha2::Sha256,
    size_bytes: u64,
}

impl<W: Write> Hashing<W> {
    /// Around `inner`, with nothing counted yet.
    pub(super) fn new(inner: W) -> Self {
        Self { inner, sha256: sha2::Sha256::new(), size_bytes: 0 }
    }

    /// The writer inside, and what passed.
    pub(super) fn finish(self) -> (W, u64, Sha256) {
        (self.inner, self.size_bytes, Sha256(self.sha256.finalize().into()))
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The package file while it is written; it gets its name only when it is whole.
pub(super) type Output = Hashing<BufWriter<NamedTempFile>>;

impl Output {
    pub(super) fn keep(self, path: PathBuf) -> Result<WrittenPackage, WritePackageError> {
        let (file, size_bytes, sha256) = self.finish();
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(WrittenPackage { path, size_bytes, sha256 })
    }
}
