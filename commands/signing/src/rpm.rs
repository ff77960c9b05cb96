//! Signing an rpm: its signature header is replaced, everything behind it stays byte for byte.
//!
//! Two signatures: over the main header, which carries the payload's SHA-256 and is all that rpm since 4.14 looks at;
//! and over header and payload, which EL7's rpm needs. A header holds one key's signatures, so older ones go.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use chrono::{DateTime, Utc};
use formats::packaging::{
    PackageFileError,
    rpm_header::{self, Headers, Value, signature_tag, tag},
};
use md5::Md5;
use pgp::{
    crypto::hash::HashAlgorithm,
    packet::{Packet, PacketParser, PacketTrait as _, Signature, SignatureHasher, SignatureType},
};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::{
    certificate::Certificate,
    error::{RpmError, open_pgp},
    signer::Signer,
};

const CHUNK_BYTES: usize = 128 * 1024;
const SHA256_IN_OPENPGP: u64 = 8;

impl Signer {
    /// Signs the rpm `input` into the new file `output`, which appears whole or not at all.
    ///
    /// The package's own digests are checked first: a damaged package is not signed. The payload streams, twice.
    /// The same package, key and time give the same bytes with an RSA or Ed25519 key.
    ///
    /// # Errors
    /// If the package is malformed, damaged or not of format 4, and if the disk or the key refuses.
    pub fn sign_rpm(&self, input: &Path, output: &Path, at: DateTime<Utc>) -> Result<(), RpmError> {
        let reading = |source| RpmError::Io { action: "read", path: input.into(), source };
        let writing = |source| RpmError::Io { action: "write", path: output.into(), source };
        let mut file = BufReader::with_capacity(CHUNK_BYTES, File::open(input).map_err(reading)?);
        let package = Headers::read(&mut file).map_err(|error| RpmError::header(input, error))?;
        // Ed25519 came to rpm long after the older signature had gone.
        let older =
            if self.is_rsa() { Some(self.hasher(SignatureType::Binary, HashAlgorithm::Sha256, at)?) } else { None };
        let measured = Measured::read(&package, &mut file, older).map_err(reading)?;
        check(&package, &measured)?;
        let signatures = self.signature_header(&package, measured, at)?;

        file.seek(SeekFrom::Start(package.header_end())).map_err(reading)?;
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut signed = tempfile::NamedTempFile::new_in(folder).map_err(writing)?;
        let padding = &[0; 8][..rpm_header::padding(&signatures)];
        for part in [&package.lead, &signatures, padding, package.header.bytes()] {
            signed.write_all(part).map_err(writing)?;
        }
        io::copy(&mut file, signed.as_file_mut()).map_err(writing)?;
        signed.persist(output).map_err(|refused| writing(refused.error))?;
        Ok(())
    }

    fn signature_header(&self, package: &Headers, measured: Measured, at: DateTime<Utc>) -> Result<Vec<u8>, RpmError> {
        let header_signature = self.sign_bytes(package.header.bytes(), HashAlgorithm::Sha256, at)?;
        let header_tag = if self.is_rsa() { signature_tag::RSA } else { signature_tag::DSA };
        let mut values = vec![
            (header_tag, Value::Bytes(packet(&header_signature)?)),
            (signature_tag::SHA1, Value::Text(measured.header_sha1)),
            (signature_tag::SHA256, Value::Text(measured.header_sha256)),
            (signature_tag::MD5, Value::Bytes(measured.md5)),
            match u32::try_from(measured.size_bytes) {
                Ok(size_bytes) => (signature_tag::SIZE, Value::Int32(vec![size_bytes])),
                Err(_) => (signature_tag::LONGSIZE, Value::Int64(vec![measured.size_bytes])),
            },
        ];
        if let Some(older) = measured.older {
            values.push((signature_tag::PGP, Value::Bytes(packet(&self.finish(older)?)?)));
        }
        values.extend(unpacked_size(package)?);
        Ok(rpm_header::build(signature_tag::HEADERSIGNATURES, values)?)
    }
}

/// The length of the unpacked payload: all that is kept of the old signature header. The rest is computed again.
fn unpacked_size(package: &Headers) -> Result<Vec<(u32, Value)>, PackageFileError> {
    let mut values = Vec::new();
    if let [size_bytes] = package.signature.numbers(signature_tag::LONGARCHIVESIZE)?[..] {
        values.push((signature_tag::LONGARCHIVESIZE, Value::Int64(vec![size_bytes])));
    }
    if let [size_bytes] = package.signature.numbers(signature_tag::PAYLOADSIZE)?[..] {
        let size_bytes = u32::try_from(size_bytes);
        values.extend(size_bytes.map(|size_bytes| (signature_tag::PAYLOADSIZE, Value::Int32(vec![size_bytes]))));
    }
    Ok(values)
}

impl Certificate {
    /// Verifies the signature over an rpm's main header, which carries the payload's digest. Reads to the header's end.
    ///
    /// # Errors
    /// `Malformed` if it is not an rpm, `Unsigned` if the header has no signature, and `BadSignature` unless it is this key's.
    pub fn verify_rpm(&self, path: &Path) -> Result<(), RpmError> {
        let reading = |source| RpmError::Io { action: "read", path: path.into(), source };
        let mut file = BufReader::with_capacity(CHUNK_BYTES, File::open(path).map_err(reading)?);
        let package = Headers::read(&mut file).map_err(|error| RpmError::header(path, error))?;
        let (tag, signature) = match package.signature.binary(signature_tag::RSA)? {
            Some(rsa) => (signature_tag::RSA, rsa),
            None => (signature_tag::DSA, package.signature.binary(signature_tag::DSA)?.ok_or(RpmError::Unsigned)?),
        };
        let Some(Ok(Packet::Signature(signature))) = PacketParser::new(signature).next() else {
            return Err(package.signature.malformed(tag, "an OpenPGP signature", "other bytes").into());
        };
        self.verify_bytes(package.header.bytes(), &signature).map_err(RpmError::BadSignature)
    }
}

/// Refuses a package that is not what its builder wrote.
fn check(package: &Headers, measured: &Measured) -> Result<(), RpmError> {
    let Headers { signature, .. } = package;
    if signature.has(signature_tag::RESERVED) {
        return Err(RpmError::NotFormat4);
    }
    let same = |digest, there: Option<&[u8]>, computed: &[u8]| match there {
        Some(there) if there != computed => Err(RpmError::Damaged { digest }),
        _ => Ok(()),
    };
    let sha1 = signature.text(signature_tag::SHA1)?;
    same("header's SHA-1", sha1.map(str::as_bytes), measured.header_sha1.as_bytes())?;
    let sha256 = signature.text(signature_tag::SHA256)?;
    same("header's SHA-256", sha256.map(str::as_bytes), measured.header_sha256.as_bytes())?;
    let md5 = signature.binary(signature_tag::MD5)?;
    same("MD5", md5, &measured.md5)?;
    let payload = payload_sha256(package)?;
    same("payload's SHA-256", payload.map(str::as_bytes), measured.payload_sha256.as_bytes())?;
    if md5.is_none() && payload.is_none() { Err(RpmError::NoPayloadDigest) } else { Ok(()) }
}

/// The payload's SHA-256 as the package's own header has it: in hexadecimal digits. rpm before 4.14 wrote none.
fn payload_sha256(Headers { header, .. }: &Headers) -> Result<Option<&str>, PackageFileError> {
    match header.number(tag::PAYLOADSHA256ALGO)? {
        Some(SHA256_IN_OPENPGP) => header.text(tag::PAYLOADSHA256),
        _ => Ok(None),
    }
}

/// What one pass over the payload tells.
struct Measured {
    header_sha1: String,
    header_sha256: String,
    payload_sha256: String,
    /// Over header and payload, like `older`.
    md5: Vec<u8>,
    older: Option<SignatureHasher>,
    size_bytes: u64,
}

impl Measured {
    fn read(package: &Headers, payload: &mut impl Read, mut older: Option<SignatureHasher>) -> io::Result<Self> {
        let header = package.header.bytes();
        let mut md5 = Md5::new_with_prefix(header);
        let mut sha256 = Sha256::new();
        let mut size_bytes = header.len() as u64;
        if let Some(older) = &mut older {
            older.write_all(header)?;
        }
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = match payload.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let bytes = &chunk[..length];
            md5.update(bytes);
            sha256.update(bytes);
            if let Some(older) = &mut older {
                older.write_all(bytes)?;
            }
            size_bytes += length as u64;
        }
        Ok(Self {
            header_sha1: hex::encode(Sha1::digest(header)),
            header_sha256: hex::encode(Sha256::digest(header)),
            payload_sha256: hex::encode(sha256.finalize()),
            md5: md5.finalize().to_vec(),
            older,
            size_bytes,
        })
    }
}

/// The signature as rpm stores it: a packet with its header, not armored.
fn packet(signature: &Signature) -> Result<Vec<u8>, RpmError> {
    let mut bytes = Vec::new();
    signature.to_writer_with_header(&mut bytes).map_err(open_pgp("write the signature"))?;
    Ok(bytes)
}
