//! Signing an rpm: its signature header is written anew, everything behind it stays byte for byte.
//!
//! Two signatures: over the main header, which carries the payload's SHA-256 and is all that rpm since 4.14 looks at;
//! and over header and payload, which EL7's rpm needs. A header holds one key's signatures, so older ones go.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use chrono::{DateTime, Utc};
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
    rpm_header::{self, Header, Value},
    signer::Signer,
};

/// Longest signature header that is read. Signatures take 1 KB; a hash for each file may stand there too.
pub(super) const SIGNATURE_HEADER_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Longest main header that is read: about 300,000 files. It is held in memory.
pub(super) const HEADER_MAX_BYTES: usize = 64 * 1024 * 1024;

const LEAD_BYTES: usize = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
const CHUNK_BYTES: usize = 128 * 1024;
const SHA256_IN_OPENPGP: u32 = 8;

/// Tags by rpm's names, of the signature header unless said otherwise.
mod tag {
    pub(super) const HEADER_SIGNATURES: u32 = 62;
    pub(super) const DSA: u32 = 267;
    pub(super) const RSA: u32 = 268;
    pub(super) const SHA1: u32 = 269;
    pub(super) const LONG_SIZE: u32 = 270;
    pub(super) const LONG_ARCHIVE_SIZE: u32 = 271;
    pub(super) const SHA256: u32 = 273;
    pub(super) const RESERVED: u32 = 999;
    pub(super) const SIZE: u32 = 1000;
    pub(super) const PGP: u32 = 1002;
    pub(super) const MD5: u32 = 1004;
    pub(super) const PAYLOAD_SIZE: u32 = 1007;
    /// In the main header.
    pub(super) const PAYLOAD_DIGEST: u32 = 5092;
    /// In the main header.
    pub(super) const PAYLOAD_DIGEST_ALGORITHM: u32 = 5093;
}

/// What is kept of the old signature header: the length of the unpacked payload. The rest is computed again.
const KEPT: [u32; 2] = [tag::LONG_ARCHIVE_SIZE, tag::PAYLOAD_SIZE];

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
        let package = Front::read(&mut file).map_err(reading)??;
        let payload_at = file.stream_position().map_err(reading)?;

        // Ed25519 came to rpm long after the older signature had gone.
        let older =
            if self.is_rsa() { Some(self.hasher(SignatureType::Binary, HashAlgorithm::Sha256, at)?) } else { None };
        let measured = Measured::read(&package, &mut file, older).map_err(reading)?;
        package.check(&measured)?;
        let signatures = self.signature_header(&package, measured, at)?;

        file.seek(SeekFrom::Start(payload_at)).map_err(reading)?;
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut signed = tempfile::NamedTempFile::new_in(folder).map_err(writing)?;
        for part in [package.lead.as_slice(), &signatures, package.header.bytes()] {
            signed.write_all(part).map_err(writing)?;
        }
        io::copy(&mut file, signed.as_file_mut()).map_err(writing)?;
        signed.persist(output).map_err(|refused| writing(refused.error))?;
        Ok(())
    }

    fn signature_header(&self, package: &Front, measured: Measured, at: DateTime<Utc>) -> Result<Vec<u8>, RpmError> {
        let header_signature = self.sign_bytes(package.header.bytes(), HashAlgorithm::Sha256, at)?;
        let header_tag = if self.is_rsa() { tag::RSA } else { tag::DSA };
        let mut values = vec![
            Value::binary(header_tag, packet(&header_signature)?),
            Value::text(tag::SHA1, &measured.header_sha1),
            Value::text(tag::SHA256, &measured.header_sha256),
            Value::binary(tag::MD5, measured.md5),
            match u32::try_from(measured.size_bytes) {
                Ok(size_bytes) => Value::int32(tag::SIZE, size_bytes),
                Err(_) => Value::int64(tag::LONG_SIZE, measured.size_bytes),
            },
        ];
        if let Some(older) = measured.older {
            values.push(Value::binary(tag::PGP, packet(&self.finish(older)?)?));
        }
        for kept in KEPT {
            values.extend(package.signatures.value(kept)?.filter(Value::is_number));
        }
        Ok(rpm_header::write(tag::HEADER_SIGNATURES, values))
    }
}

impl Certificate {
    /// Verifies the signature over an rpm's main header, which carries the payload's digest. Reads to the header's end.
    ///
    /// # Errors
    /// `Malformed` if it is no rpm, `Unsigned` if the header bears no signature, and `BadSignature` unless it is this key's.
    pub fn verify_rpm(&self, path: &Path) -> Result<(), RpmError> {
        let reading = |source| RpmError::Io { action: "read", path: path.into(), source };
        let mut file = BufReader::with_capacity(CHUNK_BYTES, File::open(path).map_err(reading)?);
        let package = Front::read(&mut file).map_err(reading)??;
        let signature = match package.signatures.value(tag::RSA)? {
            Some(rsa) => rsa,
            None => package.signatures.value(tag::DSA)?.ok_or(RpmError::Unsigned)?,
        };
        let malformed = RpmError::Malformed { part: "the signature", fault: "is no OpenPGP packet" };
        let Some(Ok(Packet::Signature(signature))) = PacketParser::new(signature.bytes.as_slice()).next() else {
            return Err(malformed);
        };
        self.verify_bytes(package.header.bytes(), &signature).map_err(RpmError::BadSignature)
    }
}

/// Everything before the payload.
struct Front {
    lead: Vec<u8>,
    signatures: Header,
    header: Header,
}

impl Front {
    /// The outer error is the disk's, the inner one the format's.
    fn read(reader: &mut impl Read) -> io::Result<Result<Self, RpmError>> {
        let malformed = |part, fault| Ok(Err(RpmError::Malformed { part, fault }));
        let mut lead = Vec::with_capacity(LEAD_BYTES);
        reader.by_ref().take(LEAD_BYTES as u64).read_to_end(&mut lead)?;
        if lead.len() != LEAD_BYTES || !lead.starts_with(&LEAD_MAGIC) {
            return malformed("the lead", "does not begin with its magic number");
        }
        let signatures = match Header::read(reader, "the signature header", SIGNATURE_HEADER_MAX_BYTES)? {
            Ok(signatures) => signatures,
            Err(error) => return Ok(Err(error)),
        };
        let padding = rpm_header::padding_after(&signatures) as u64;
        if io::copy(&mut reader.by_ref().take(padding), &mut io::sink())? != padding {
            return malformed("the signature header", "is cut");
        }
        let header = Header::read(reader, "the main header", HEADER_MAX_BYTES)?;
        Ok(header.map(|header| Self { lead, signatures, header }))
    }

    /// Refuses a package that is not what its builder wrote.
    fn check(&self, measured: &Measured) -> Result<(), RpmError> {
        if self.signatures.value(tag::RESERVED)?.is_some() {
            return Err(RpmError::NotFormat4);
        }
        let same = |digest, there: Option<&[u8]>, computed: &[u8]| match there {
            Some(there) if there != computed => Err(RpmError::Damaged { digest }),
            _ => Ok(()),
        };
        let sha1 = self.signatures.value(tag::SHA1)?;
        same("header's SHA-1", sha1.as_ref().and_then(Value::first_text), measured.header_sha1.as_bytes())?;
        let sha256 = self.signatures.value(tag::SHA256)?;
        same("header's SHA-256", sha256.as_ref().and_then(Value::first_text), measured.header_sha256.as_bytes())?;
        let md5 = self.signatures.value(tag::MD5)?;
        same("MD5", md5.as_ref().map(|value| value.bytes.as_slice()), &measured.md5)?;
        let payload = self.payload_sha256()?;
        same("payload's SHA-256", payload.as_deref(), measured.payload_sha256.as_bytes())?;
        if md5.is_none() && payload.is_none() { Err(RpmError::NoPayloadDigest) } else { Ok(()) }
    }

    /// The payload's SHA-256 as the main header has it: in hexadecimal digits. rpm before 4.14 wrote none.
    fn payload_sha256(&self) -> Result<Option<Vec<u8>>, RpmError> {
        let algorithm = self.header.value(tag::PAYLOAD_DIGEST_ALGORITHM)?.and_then(|value| value.first_int32());
        if algorithm != Some(SHA256_IN_OPENPGP) {
            return Ok(None);
        }
        let digest = self.header.value(tag::PAYLOAD_DIGEST)?;
        Ok(digest.as_ref().and_then(Value::first_text).map(<[u8]>::to_vec))
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
    fn read(package: &Front, payload: &mut impl Read, mut older: Option<SignatureHasher>) -> io::Result<Self> {
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
