//! Reading the facts that a package file contains. The file is not trusted.
//!
//! Nothing is unpacked and no text is believed before it matched its grammar. Memory stays below some hundreds of MiB
//! and time below what it takes to hash the file and decompress [`super::deb`]'s control member, whatever the file
//! holds.

#[cfg(test)]
mod tests;

use std::{
    fs::OpenOptions,
    io::{BufReader, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use domain::{
    package::{Facts, Package},
    size::Limit,
};

use super::{deb, error::PackageFileError, reader::Hashed, rpm, rpm_header};

/// Longest package file.
pub const PACKAGE_MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Longest JSON text of a package's facts: they are part of an event, and an event store takes 1 MiB of them at most.
pub(crate) const FACTS_MAX_BYTES: u64 = 768 * 1024;

/// A package, and what must be in the blob store before an event names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPackage {
    /// What the file says. Its name is the canonical one, whatever the file is called on disk.
    pub package: Package,
    /// The JSON text of an rpm's long file list: the blob that [`domain::package::FileList::Blob`] names.
    pub attached: Option<Vec<u8>>,
}

/// Reads the file's facts and digest. Deb or rpm is recognised by its first bytes.
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
        return Err(PackageFileError::TooLarge { what: "its size", limit: Limit::Bytes(PACKAGE_MAX_BYTES) });
    }
    let mut input = Hashed::new(BufReader::with_capacity(128 * 1024, file));
    let mut magic = [0; 8];
    input.read_exact(&mut magic).map_err(|_| PackageFileError::NotAPackage)?;
    let (file_name, facts, attached) = if &magic == deb::MAGIC {
        let facts = deb::read(&mut input)?;
        let version = facts.version.split_once(':').map_or(facts.version.as_str(), |(_, version)| version);
        (format!("{}_{version}_{}.deb", facts.package, facts.architecture), Facts::Deb(facts), None)
    } else if magic.starts_with(&rpm_header::LEAD_MAGIC) {
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
        return Err(PackageFileError::TooLarge {
            what: "the size of its control file or header fields",
            limit: Limit::Bytes(FACTS_MAX_BYTES),
        });
    }
    Ok(ReadPackage { package, attached })
}
