//! Readers around a package file that count, hash and stop at a limit.

use std::io::{self, Read};

use domain::{digest::Sha256, size::Size};
use sha2::Digest as _;

/// A reader that counts and hashes what passes through it.
pub(super) struct Hashed<R> {
    inner: R,
    sha256: sha2::Sha256,
    size_bytes: u64,
}

impl<R: Read> Hashed<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, sha256: sha2::Sha256::new(), size_bytes: 0 }
    }

    pub(super) fn finish(self) -> (Sha256, u64) {
        (Sha256(self.sha256.finalize().into()), self.size_bytes)
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.sha256.update(&buffer[..read]);
        self.size_bytes += read as u64;
        Ok(read)
    }
}

/// A reader that fails, rather than ends, after `limit` bytes.
pub(super) struct Limited<R> {
    inner: R,
    left: u64,
    reached: LimitReached,
}

/// Travels inside an [`io::Error`] through decompressors and archive readers.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{what} is over the limit of {}", Size(*.limit))]
pub(super) struct LimitReached {
    pub(super) what: &'static str,
    pub(super) limit: u64,
}

impl<R: Read> Limited<R> {
    pub(super) fn new(inner: R, what: &'static str, limit: u64) -> Self {
        Self { inner, left: limit, reached: LimitReached { what, limit } }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| io::Error::other(self.reached))?;
        Ok(read)
    }
}
