//! The public certificates with which clients verify signatures: all that are trusted now.

#[cfg(test)]
mod tests;

use api_http::{conditional::Validators, file::FileHead};
use axum::http::HeaderValue;
use bytes::Bytes;
use commands::signing_keys::TrustedCertificate;
use domain::{digest::Sha256, fingerprint::Fingerprint};

use super::files::etag;

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// The certificates to trust, in both notations.
#[derive(Debug, Clone)]
pub struct PublicCertificate {
    pub(super) armored: Served,
    pub(super) binary: Served,
    keys: Vec<PublicKey>,
}

/// The key of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Which key of the service it is, counted from 1.
    pub epoch: u32,
    /// The full fingerprint, upper-case hexadecimal.
    pub fingerprint: Fingerprint,
}

/// Bytes with their entity tag.
#[derive(Debug, Clone)]
pub(super) struct Served {
    pub(super) bytes: Bytes,
    etag: HeaderValue,
}

/// The texts are not armored certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a valid list of certificates: expected PGP PUBLIC KEY BLOCKs in ASCII armor, one each, and their fingerprints in hexadecimal"
)]
pub struct InvalidCertificate;

impl PublicCertificate {
    /// Of certificates, oldest first: at least one.
    ///
    /// # Errors
    /// If one could not stand in an installer's script: the armor must be one block of printable ASCII lines.
    pub fn new(certificates: &[TrustedCertificate]) -> Result<Self, InvalidCertificate> {
        let (mut armored, mut binary, mut keys) = (String::new(), Vec::new(), Vec::new());
        for certificate in certificates {
            armored.push_str(&checked(certificate)?);
            binary.extend_from_slice(&certificate.binary);
            keys.push(PublicKey { epoch: certificate.epoch, fingerprint: certificate.fingerprint.clone() });
        }
        if keys.is_empty() {
            return Err(InvalidCertificate);
        }
        Ok(Self { armored: Served::new(armored.into_bytes()), binary: Served::new(binary), keys })
    }

    /// ASCII armor, one block for each certificate, that ends with a line feed.
    #[must_use]
    pub fn armored(&self) -> &str {
        std::str::from_utf8(&self.armored.bytes).expect("an armored certificate is ASCII")
    }

    /// The keys of the certificates, oldest first; never empty.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The newest key's epoch, for a client that knows all keys.
    #[must_use]
    pub fn newest(&self) -> &PublicKey {
        self.keys.last().expect("there is at least one")
    }

    /// The newest key's full fingerprint, upper-case hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.newest().fingerprint
    }
}

/// The armor as one block that ends with a line feed.
fn checked(certificate: &TrustedCertificate) -> Result<String, InvalidCertificate> {
    let TrustedCertificate { armored, fingerprint, .. } = certificate;
    let armored = format!("{}\n", armored.trim_end().replace("\r\n", "\n"));
    let printable = |c: char| c == '\n' || matches!(c, ' '..='~');
    let one_block = armored.starts_with(BEGIN)
        && armored.trim_end().ends_with(END)
        && armored.matches("-----").count() == 4
        && armored.chars().all(printable);
    let is_good = one_block && fingerprint.as_str().parse().as_ref() == Ok(fingerprint);
    if is_good { Ok(armored) } else { Err(InvalidCertificate) }
}

impl Served {
    fn new(bytes: Vec<u8>) -> Self {
        Self { etag: etag(&Sha256::of(&bytes)), bytes: bytes.into() }
    }

    pub(super) fn head(&self) -> FileHead {
        let size_bytes = self.bytes.len() as u64;
        FileHead {
            validators: Validators { etag: self.etag.clone(), modified_at: None, size_bytes },
            content_type: "application/pgp-keys",
            immutable: false,
        }
    }
}
