//! Reading an rpm: both headers, every digest they hold, and the facts.

#[cfg(test)]
mod tests;

use std::io::{self, Read};

use domain::package::RpmFacts;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{SHA256_ALGORITHM, facts};
use crate::packaging::{
    error::{PackageFileError, quoted},
    rpm_header::{Headers, signature_tag, tag},
};

/// Reads everything after `start`, the file's first bytes. Answers the facts and a long file list's JSON text.
pub(in crate::packaging) fn read(
    input: &mut impl Read,
    start: &[u8],
) -> Result<(RpmFacts, Option<Vec<u8>>), PackageFileError> {
    let headers = Headers::read(&mut start.chain(&mut *input))?;
    headers.header.check_region(tag::HEADERIMMUTABLE)?;
    check_header_digests(&headers)?;
    check_payload(input, &headers)?;
    facts::facts(&headers)
}

fn check_header_digests(Headers { signature, header, .. }: &Headers) -> Result<(), PackageFileError> {
    let digests =
        [(signature_tag::SHA256, digest::<Sha256> as fn(&[u8]) -> String), (signature_tag::SHA1, digest::<Sha1>)];
    let mut checked = false;
    for (tag, digest) in digests {
        if let Some(expected) = signature.text(tag)? {
            if expected != digest(header.bytes()) {
                return Err(signature.malformed(tag, "the digest of the header", quoted(expected)));
            }
            checked = true;
        }
    }
    if checked {
        return Ok(());
    }
    Err(PackageFileError::malformed("rpm signature header", "a SHA-256 or SHA-1 digest of the header", "neither"))
}

/// Reads the payload to the end of the file and compares it with its digests, of which one at least must be there.
fn check_payload(input: &mut impl Read, Headers { signature, header, .. }: &Headers) -> Result<(), PackageFileError> {
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

    for tag in [signature_tag::SIZE, signature_tag::LONGSIZE] {
        if let Some(other) = signature.number(tag)?.filter(|expected| *expected != size_bytes) {
            let found = format!("{other}, where they have {size_bytes} bytes");
            return Err(signature.malformed(tag, "the length of header and payload", found));
        }
    }
    let algorithm = header.number(tag::PAYLOADSHA256ALGO)?.unwrap_or(SHA256_ALGORITHM.into());
    let payload_digest = header.text(tag::PAYLOADSHA256)?.filter(|_| algorithm == u64::from(SHA256_ALGORITHM));
    if payload_digest.is_some_and(|expected| expected != hex::encode(sha256.finalize())) {
        return Err(header.malformed(tag::PAYLOADSHA256, "the digest of the payload", "another digest"));
    }
    let whole_digest = signature.binary(signature_tag::MD5)?;
    if whole_digest.is_some_and(|expected| expected != md5.finalize().as_slice()) {
        return Err(signature.malformed(signature_tag::MD5, "the digest of header and payload", "another digest"));
    }
    if payload_digest.is_none() && whole_digest.is_none() {
        return Err(PackageFileError::malformed("rpm header", "a digest of the payload", "none"));
    }
    Ok(())
}

fn digest<D: Digest>(bytes: &[u8]) -> String {
    hex::encode(D::digest(bytes))
}
