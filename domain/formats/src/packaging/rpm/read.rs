//! Reading an rpm: both headers, every digest they hold, and the facts.

use std::io::{self, Read};

use ::rpm::{IndexSignatureTag as Signature, IndexTag as Tag};
use domain::package::RpmFacts;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{
    facts::{self, Place},
    header::Header,
};
use crate::packaging::{error::PackageFileError, reader::Hashed};

/// How an rpm begins.
pub(in crate::packaging) const MAGIC: &[u8; 4] = &[0xed, 0xab, 0xee, 0xdb];

const LEAD_BYTES: usize = 96;
/// `DigestAlgorithm::Sha2_256` as `PAYLOADDIGESTALGO` has it.
const SHA256_ALGORITHM: u64 = 8;
/// The region that covers all of a package's header.
const HEADER_IMMUTABLE: u32 = 63;
/// Sizes of 64 bits in the signature header.
const LONG_SIZE: u32 = 270;

/// Reads everything after `start`, the file's first bytes. Answers the facts and a long file list's JSON text.
pub(in crate::packaging) fn read(
    input: &mut Hashed<impl Read>,
    start: &[u8],
) -> Result<(RpmFacts, Option<Vec<u8>>), PackageFileError> {
    let mut lead = [0; LEAD_BYTES];
    input.read_exact(&mut lead[start.len()..]).map_err(PackageFileError::read)?;
    let signature = Header::read(input, "rpm signature header")?;
    let mut padding = [0; 8];
    let padding_bytes = signature.bytes().len().next_multiple_of(8) - signature.bytes().len();
    input.read_exact(&mut padding[..padding_bytes]).map_err(PackageFileError::read)?;

    let header_start = input.position();
    let header = Header::read(input, "rpm header")?;
    header.check_region(HEADER_IMMUTABLE)?;
    let place = Place { header_start, header_end: input.position() };
    check_header_digests(&signature, header.bytes())?;
    check_payload(input, &signature, &header)?;
    facts::facts(&signature, &header, place)
}

fn check_header_digests(signature: &Header, header: &[u8]) -> Result<(), PackageFileError> {
    let digests = [
        (Signature::RPMSIGTAG_SHA256 as u32, digest::<Sha256> as fn(&[u8]) -> String),
        (Signature::RPMSIGTAG_SHA1 as u32, digest::<Sha1>),
    ];
    let mut checked = false;
    for (tag, digest) in digests {
        if let Some(expected) = signature.text(tag)? {
            if expected != digest(header) {
                return Err(signature.malformed(tag, "the digest of the header"));
            }
            checked = true;
        }
    }
    if checked {
        return Ok(());
    }
    Err(PackageFileError::malformed("rpm signature header", "a SHA-256 or SHA-1 digest of the header"))
}

/// Reads the payload to the end of the file and compares it with its digests, of which one at least must be there.
fn check_payload(input: &mut Hashed<impl Read>, signature: &Header, header: &Header) -> Result<(), PackageFileError> {
    let mut sha256 = Sha256::new();
    let mut md5 = Md5::new_with_prefix(header.bytes());
    let mut size_bytes = header.bytes().len() as u64;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(PackageFileError::read(error)),
        };
        sha256.update(&buffer[..read]);
        md5.update(&buffer[..read]);
        size_bytes += read as u64;
    }

    for tag in [Signature::RPMSIGTAG_SIZE as u32, LONG_SIZE] {
        if signature.number(tag)?.is_some_and(|expected| expected != size_bytes) {
            return Err(signature.malformed(tag, "the length of header and payload"));
        }
    }
    let algorithm = header.number(Tag::RPMTAG_PAYLOADSHA256ALGO as u32)?.unwrap_or(SHA256_ALGORITHM);
    let payload_tag = Tag::RPMTAG_PAYLOADSHA256 as u32;
    let payload_digest = header.text(payload_tag)?.filter(|_| algorithm == SHA256_ALGORITHM);
    if payload_digest.is_some_and(|expected| expected != hex::encode(sha256.finalize())) {
        return Err(header.malformed(payload_tag, "the digest of the payload"));
    }
    let md5_tag = Signature::RPMSIGTAG_MD5 as u32;
    let whole_digest = signature.binary(md5_tag)?;
    if whole_digest.is_some_and(|expected| expected != md5.finalize().as_slice()) {
        return Err(signature.malformed(md5_tag, "the digest of header and payload"));
    }
    if payload_digest.is_none() && whole_digest.is_none() {
        return Err(PackageFileError::malformed("rpm header", "a digest of the payload"));
    }
    Ok(())
}

fn digest<D: Digest>(bytes: &[u8]) -> String {
    hex::encode(D::digest(bytes))
}

#[cfg(test)]
mod tests;
