//! The public certificate that repositories are signed with, as clients fetch it.

use axum::http::HeaderValue;
use bytes::Bytes;
use domain::digest::Sha256;

use super::files::etag;
use crate::http::{conditional::Validators, file::FileHead};

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";

/// A certificate in both notations.
#[derive(Debug, Clone)]
pub struct PublicCertificate {
    pub(super) armored: Served,
    pub(super) binary: Served,
    fingerprint: String,
}

/// Bytes with their entity tag.
#[derive(Debug, Clone)]
pub(super) struct Served {
    pub(super) bytes: Bytes,
    etag: HeaderValue,
}

/// The text is no armored certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate: expected one PGP PUBLIC KEY BLOCK in ASCII armor and its fingerprint in hexadecimal")]
pub struct InvalidCertificate;

impl PublicCertificate {
    /// A certificate in ASCII armor, as bare packets, and its full fingerprint in upper-case hexadecimal.
    ///
    /// # Errors
    /// If it could not stand in an installer's script: the armor must be one block of printable ASCII lines.
    pub fn new(armored: &str, binary: &[u8], fingerprint: &str) -> Result<Self, InvalidCertificate> {
        let armored = format!("{}\n", armored.trim_end().replace("\r\n", "\n"));
        let printable = |c: char| c == '\n' || matches!(c, ' '..='~');
        let hexadecimal = |c: char| matches!(c, '0'..='9' | 'A'..='F');
        let one_block = armored.starts_with(BEGIN)
            && armored.trim_end().ends_with(END)
            && armored.matches("-----").count() == 4
            && armored.chars().all(printable);
        if !one_block || !matches!(fingerprint.len(), 40 | 64) || !fingerprint.chars().all(hexadecimal) {
            return Err(InvalidCertificate);
        }
        let (armored, binary) = (Served::new(armored.into_bytes()), Served::new(binary.to_vec()));
        Ok(Self { armored, binary, fingerprint: fingerprint.to_owned() })
    }

    /// ASCII armor that ends with a line feed.
    #[must_use]
    pub fn armored(&self) -> &str {
        std::str::from_utf8(&self.armored.bytes).expect("an armored certificate is ASCII")
    }

    /// The full fingerprint, upper-case hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_armored_block_of_printable_ascii_is_a_certificate() {
        let good = format!("{BEGIN}\nabcd\n=x\n{END}");
        let fingerprint = "0123456789ABCDEF0123456789ABCDEF01234567";
        let certificate = PublicCertificate::new(&good, b"packets", fingerprint).expect("a certificate");
        assert_eq!(certificate.armored(), format!("{good}\n"));
        for bad in ["", "abc", &good.replace("abcd", "ab\u{7}"), &format!("{good}\n{good}"), &format!("x\n{good}")] {
            assert!(PublicCertificate::new(bad, b"", fingerprint).is_err(), "{bad}");
        }
        assert!(PublicCertificate::new(&good, b"", "ABCD").is_err());
        assert!(PublicCertificate::new(&good, b"", &"'".repeat(40)).is_err());
    }
}
