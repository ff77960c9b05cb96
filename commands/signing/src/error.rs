//! Errors of signing and verifying.

use domain::fingerprint::Fingerprint;
use std::{
    io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use formats::packaging::PackageFileError;

/// A key could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The name on the key cannot stand there.
    #[error(
        "not a valid user id of a signing key: expected 1 to 256 bytes without control characters, such as \"Acme <pkg@acme.example>\""
    )]
    UserId,
    /// OpenPGP counts seconds from 1970 in 32 bits.
    #[error("cannot sign with the time {at}: expected one from 1970 to 2106")]
    Time {
        /// The time asked for.
        at: DateTime<Utc>,
    },
    /// OpenPGP counts a key's life in 32 bits of seconds, and a key without one is of no use.
    #[error("{seconds} seconds is not a valid lifetime of a signing key: expected 1 to 4294967295")]
    Life {
        /// The life asked for.
        seconds: i64,
    },
    /// Clients refuse a signature older than its key.
    #[error("cannot sign with the time {at}: the signing key was made later, at {created_at}")]
    OlderThanItsKey {
        /// The time asked for.
        at: DateTime<Utc>,
        /// When the key was made.
        created_at: DateTime<Utc>,
    },
    /// The bytes are not a secret key that this program made.
    #[error("the secret key cannot be used for signing: expected {expected}")]
    NotAKey {
        /// What was expected.
        expected: &'static str,
    },
    /// The operating system gave no randomness, or a key's numbers do not fit each other.
    #[error("the cryptography library refused to {action}")]
    Refused {
        /// What was tried.
        action: &'static str,
    },
    /// Clients would read a line otherwise than it was signed.
    #[error("line {line} of the text to sign {fault}")]
    Text {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The signature just made does not verify: broken memory, or a defect of this program. It was discarded.
    #[error("the signature that was just made does not verify")]
    SelfCheck(#[source] VerifyError),
    /// The OpenPGP library refused.
    #[error("cannot {action}")]
    OpenPgp {
        /// What was tried.
        action: &'static str,
        /// Its error.
        source: Box<pgp::errors::Error>,
    },
}

/// A certificate does not parse, or a signature is not its own.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The text is not one certificate.
    #[error("not a valid OpenPGP certificate")]
    NotACertificate(#[source] Box<pgp::errors::Error>),
    /// The text is not a signature of this shape.
    #[error("not a valid signature: expected {expected}")]
    NotASignature {
        /// What was expected.
        expected: &'static str,
        /// The error of the OpenPGP library.
        source: Box<pgp::errors::Error>,
    },
    /// A good signature for another use: text where bytes were expected, or the reverse.
    #[error("the signature has the wrong type: expected a signature of {expected}")]
    WrongType {
        /// What was expected.
        expected: &'static str,
    },
    /// The signature is another key's, or of other data.
    #[error("the signature was not made by the key {fingerprint} over these bytes")]
    Bad {
        /// The certificate that was used.
        fingerprint: Fingerprint,
        /// The error of the OpenPGP library.
        source: Box<pgp::errors::Error>,
    },
    /// The signed text is other than the text that went in.
    #[error("the signed text differs from the text that was to be signed")]
    OtherText,
}

/// An rpm could not be signed, or its signature is not valid.
#[derive(Debug, thiserror::Error)]
pub enum RpmError {
    /// The file breaks the format, or is longer than a package may be.
    #[error("the file is not a valid rpm package")]
    Malformed(#[from] PackageFileError),
    /// rpm before version 6 does not see the signatures of the newer package format.
    #[error("the rpm does not have package format 4: build it with rpm's format 4, which every client can verify")]
    NotFormat4,
    /// A digest in the package belongs to other bytes.
    #[error("the rpm is damaged: its {digest} does not match its contents")]
    Damaged {
        /// Which digest.
        digest: &'static str,
    },
    /// The package has no digest to verify its payload with.
    #[error("the rpm has no digest of its payload: expected SHA-256 or MD5")]
    NoPayloadDigest,
    /// The file has no signature.
    #[error("the rpm has no signature")]
    Unsigned,
    /// The signature is of another key, or of other bytes.
    #[error("the rpm's signature is not valid")]
    BadSignature(#[source] VerifyError),
    /// The key refused.
    #[error("cannot sign the rpm")]
    Signing(#[from] SigningError),
    /// The disk refused.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl RpmError {
    /// Distinguishes a failure of the disk from a malformed package.
    pub(super) fn header(path: &Path, error: PackageFileError) -> Self {
        match error {
            PackageFileError::Read(source) => Self::Io { action: "read", path: path.into(), source },
            malformed => Self::Malformed(malformed),
        }
    }
}

/// Names what was tried when the OpenPGP library refuses.
pub(super) fn open_pgp(action: &'static str) -> impl FnOnce(pgp::errors::Error) -> SigningError {
    move |source| SigningError::OpenPgp { action, source: Box::new(source) }
}
