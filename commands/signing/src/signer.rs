//! A loaded private key, and the signatures that repositories need from it.

use domain::fingerprint::Fingerprint;
use std::{fmt, io::Write as _};

use chrono::{DateTime, Utc};
use pgp::{
    composed::{Deserializable as _, SignedSecretKey},
    crypto::{hash::HashAlgorithm, public_key::PublicKeyAlgorithm},
    packet::{Signature, SignatureConfig, SignatureHasher, SignatureType, Subpacket, SubpacketData},
    types::{KeyDetails, KeyVersion, Password, SigningKey, Timestamp},
};

use super::{
    certificate::Certificate,
    error::{SigningError, open_pgp},
    rsa_key::RsaKey,
    together,
};

/// Signs indexes and packages with one private key. Share it between threads.
pub struct Signer {
    key: Box<dyn SigningKey + Send + Sync>,
    certificate: Certificate,
}

impl Signer {
    /// Loads the secret half of a [`GeneratedKey`](super::GeneratedKey).
    ///
    /// # Errors
    /// If the bytes are not one unlocked version 4 key without subkeys.
    pub fn load(secret: &[u8]) -> Result<Self, SigningError> {
        let not_ours = SigningError::NotAKey { expected: "one unlocked version 4 primary key without subkeys" };
        let key = SignedSecretKey::from_bytes(secret).map_err(open_pgp("read the secret key"))?;
        key.verify_bindings().map_err(open_pgp("verify the secret key's own signatures"))?;
        let single = key.public_subkeys.is_empty() && key.secret_subkeys.is_empty();
        if !single || key.version() != KeyVersion::V4 || key.secret_params().is_encrypted() {
            return Err(not_ours);
        }
        let certificate = Certificate::of_secret_key(&key)?;
        let key: Box<dyn SigningKey + Send + Sync> = match RsaKey::from_openpgp(&key.primary_key)? {
            Some(rsa) => Box::new(rsa),
            None => Box::new(key.primary_key),
        };
        Ok(Self { key, certificate })
    }

    /// The full fingerprint, 40 upper-case hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.certificate.fingerprint()
    }

    /// The public half.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Signs a `Release` text into an `InRelease`. Verified before it is returned.
    ///
    /// # Errors
    /// `Text` unless every line ends in a bare LF and none in a blank: clients would hash another text.
    pub fn clear_sign(&self, text: &str, at: DateTime<Utc>) -> Result<String, SigningError> {
        together::clear_sign(&[self], text, at)
    }

    /// Signs bytes into an armored detached signature: `Release.gpg`, `repomd.xml.asc`. Verified before it is returned.
    ///
    /// # Errors
    /// If `at` cannot be the time of a signature of this key.
    pub fn detached(&self, data: &[u8], at: DateTime<Utc>) -> Result<String, SigningError> {
        together::detached(&[self], data, at)
    }

    pub(super) fn key(&self) -> &(dyn SigningKey + Send + Sync) {
        self.key.as_ref()
    }

    /// Signs bytes in memory and verifies the signature.
    pub(super) fn sign_bytes(
        &self,
        data: &[u8],
        hash: HashAlgorithm,
        at: DateTime<Utc>,
    ) -> Result<Signature, SigningError> {
        let mut hasher = self.hasher(SignatureType::Binary, hash, at)?;
        hasher.write_all(data).map_err(|error| open_pgp("hash the data")(error.into()))?;
        let signature = self.finish(hasher)?;
        self.certificate.verify_bytes(data, &signature).map_err(SigningError::SelfCheck)?;
        Ok(signature)
    }

    /// Starts a signature over bytes that come in pieces; [`Signer::finish`] makes it.
    pub(super) fn hasher(
        &self,
        kind: SignatureType,
        hash: HashAlgorithm,
        at: DateTime<Utc>,
    ) -> Result<SignatureHasher, SigningError> {
        let created = self.key.created_at().as_secs();
        let time = timestamp(at)?;
        if time.as_secs() < created {
            let created_at = DateTime::from_timestamp(created.into(), 0).unwrap_or_default();
            return Err(SigningError::OlderThanItsKey { at, created_at });
        }
        signature_config(self.key.as_ref(), kind, hash, time)
            .and_then(SignatureConfig::into_hasher)
            .map_err(open_pgp("prepare the signature"))
    }

    /// Signs what was written into the hasher. Not verified here, because the bytes are no longer available. (AWS-LC
    /// verifies each RSA signature with the public key before it returns it.)
    pub(super) fn finish(&self, hasher: SignatureHasher) -> Result<Signature, SigningError> {
        hasher.sign(self.key.as_ref(), &Password::empty()).map_err(open_pgp("sign"))
    }

    pub(super) fn is_rsa(&self) -> bool {
        self.key.algorithm() == PublicKeyAlgorithm::RSA
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

/// A version 4 signature that says when and by whom it was made, and nothing else.
pub(super) fn signature_config<K: SigningKey + ?Sized>(
    key: &K,
    kind: SignatureType,
    hash: HashAlgorithm,
    at: Timestamp,
) -> pgp::errors::Result<SignatureConfig> {
    let mut config = SignatureConfig::v4(kind, key.algorithm(), hash);
    config.hashed_subpackets = vec![
        Subpacket::critical(SubpacketData::SignatureCreationTime(at))?,
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
    ];
    // rpm and old gpg find the key by its short id.
    config.unhashed_subpackets = vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
    Ok(config)
}

/// OpenPGP's time: whole seconds, 32 bits.
pub(super) fn timestamp(at: DateTime<Utc>) -> Result<Timestamp, SigningError> {
    u32::try_from(at.timestamp()).map(Timestamp::from_secs).map_err(|_| SigningError::Time { at })
}

pub(super) fn check_lines(text: &str) -> Result<(), SigningError> {
    let fault = |line, fault| Err(SigningError::Text { line, fault });
    let mut last = 1;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        last = index + 1;
        let Some(content) = line.strip_suffix('\n') else {
            return fault(last, "has no end: expected a line feed");
        };
        if content.contains('\r') {
            return fault(last, "holds a carriage return: expected lines that end in a bare line feed");
        }
        if content.ends_with([' ', '\t']) {
            return fault(last, "ends in a blank, which clients cut off before they verify");
        }
    }
    if text.is_empty() { fault(last, "is missing: expected a text") } else { Ok(()) }
}
