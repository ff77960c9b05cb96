//! Reading what a package file says of itself, when anybody may have made the file.
//!
//! Nothing is unpacked and no text is believed before it matched its grammar. Memory stays below some hundreds of MiB
//! and time below what it takes to hash the file and decompress [`super::deb`]'s control member, whatever the file holds.

use std::{
    fs::OpenOptions,
    io::{self, BufReader, Read},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use domain::{
    digest::Sha256,
    package::{Facts, Package},
};
use sha2::Digest as _;

use super::{deb, rpm};

/// Longest package file.
pub const PACKAGE_MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Longest JSON text of a package's facts: they are part of an event, and an event store takes 1 MiB of them at most.
pub const FACTS_MAX_BYTES: u64 = 768 * 1024;

/// A package, and what must be in the blob store before an event names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPackage {
    /// What the file says. Its name is the canonical one, whatever the file is called on disk.
    pub package: Package,
    /// The JSON text of an rpm's long file list: the blob that [`domain::package::FileList::Blob`] names.
    pub attached: Option<Vec<u8>>,
}

/// Why a file is not a package that may stand in a repository.
#[derive(Debug, thiserror::Error)]
pub enum PackageFileError {
    /// It starts neither like a deb nor like an rpm.
    #[error("the file is neither a deb nor an rpm")]
    NotAPackage,
    /// It ends in the middle of something.
    #[error("the package file is truncated")]
    Truncated,
    /// It breaks the format's grammar.
    #[error("{place}: expected {expected}")]
    Malformed {
        /// The part of the file, such as a field or a tag.
        place: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// A part is longer than any honest package's.
    #[error("{what}: longer than the limit of {limit}")]
    TooLarge {
        /// The part.
        what: &'static str,
        /// How much it may be, in bytes or in pieces.
        limit: u64,
    },
    /// The file cannot be read, or a compressed part is broken.
    #[error("cannot read the package file")]
    Read(#[source] io::Error),
}

impl PackageFileError {
    pub(super) fn malformed(place: impl Into<String>, expected: &'static str) -> Self {
        Self::Malformed { place: place.into(), expected }
    }

    /// Tells the end of the file and a limit reached inside a reader from other failures.
    pub(super) fn read(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Truncated;
        }
        match error.downcast::<LimitReached>() {
            Ok(LimitReached { what, limit }) => Self::TooLarge { what, limit },
            Err(error) => Self::Read(error),
        }
    }
}

/// Reads the file's facts and digest. Deb or rpm is told by its first bytes.
///
/// # Errors
/// If it is neither, breaks the format's grammar, one of its digests is wrong, a part exceeds its limit, or the disk fails.
pub fn read_package(path: &Path) -> Result<ReadPackage, PackageFileError> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(PackageFileError::Read)?;
    let metadata = file.metadata().map_err(PackageFileError::Read)?;
    if !metadata.is_file() {
        return Err(PackageFileError::NotAPackage);
    }
    if metadata.len() > PACKAGE_MAX_BYTES {
        return Err(PackageFileError::TooLarge { what: "the package file", limit: PACKAGE_MAX_BYTES });
    }
    let mut input = Hashed::new(BufReader::with_capacity(128 * 1024, file));
    let mut magic = [0; 8];
    input.read_exact(&mut magic).map_err(|_| PackageFileError::NotAPackage)?;
    let (file_name, facts, attached) = if &magic == deb::MAGIC {
        let facts = deb::read(&mut input)?;
        let version = facts.version.split_once(':').map_or(facts.version.as_str(), |(_, version)| version);
        (format!("{}_{version}_{}.deb", facts.package, facts.architecture), Facts::Deb(facts), None)
    } else if magic.starts_with(rpm::MAGIC) {
        let (facts, attached) = rpm::read(&mut input, &magic)?;
        let file_name = format!("{}-{}-{}.{}.rpm", facts.name, facts.version, facts.release, facts.architecture);
        (file_name, Facts::Rpm(Box::new(facts)), attached)
    } else {
        return Err(PackageFileError::NotAPackage);
    };
    let (sha256, size_bytes) = input.finish();
    let package = Package { file_name, sha256, size_bytes, facts };
    let facts_bytes = serde_json::to_vec(&package).map_err(|error| PackageFileError::Read(error.into()))?.len() as u64;
    if facts_bytes > FACTS_MAX_BYTES {
        return Err(PackageFileError::TooLarge { what: "what the package says of itself", limit: FACTS_MAX_BYTES });
    }
    Ok(ReadPackage { package, attached })
}

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

    /// How many bytes were read so far.
    pub(super) fn position(&self) -> u64 {
        self.size_bytes
    }

    fn finish(self) -> (Sha256, u64) {
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
#[error("{what}: longer than the limit of {limit} bytes")]
struct LimitReached {
    what: &'static str,
    limit: u64,
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

#[cfg(test)]
mod tests;
