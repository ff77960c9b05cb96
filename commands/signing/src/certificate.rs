//! The public half of a signing key, and the checks it allows: for our own signatures and for replaying old ones.

use chrono::{DateTime, TimeDelta, Utc};
use domain::fingerprint::Fingerprint;
use pgp::{
    composed::{
        ArmorOptions, CleartextSignedMessage, Deserializable as _, DetachedSignature, SignedPublicKey, SignedSecretKey,
    },
    packet::SignatureType,
    ser::Serialize as _,
    types::KeyDetails as _,
};

use super::error::{SigningError, VerifyError, open_pgp};

/// What clients verify with.
#[derive(Debug, Clone)]
pub struct Certificate {
    key: SignedPublicKey,
    armored: String,
    binary: Vec<u8>,
}

impl Certificate {
    /// Reads an ASCII-armored certificate and checks its self-signatures.
    ///
    /// # Errors
    /// `NotACertificate` if it is not a certificate, or a forged one.
    pub fn parse(armored: &str) -> Result<Self, VerifyError> {
        let not_one = |error| VerifyError::NotACertificate(Box::new(error));
        let (key, _) = SignedPublicKey::from_string(armored).map_err(not_one)?;
        key.verify_bindings().map_err(not_one)?;
        Self::of(key).map_err(not_one)
    }

    pub(super) fn of_secret_key(key: &SignedSecretKey) -> Result<Self, SigningError> {
        Self::of(key.to_public_key()).map_err(open_pgp("write the certificate"))
    }

    fn of(key: SignedPublicKey) -> pgp::errors::Result<Self> {
        // The signature under the name is what says that the key may sign.
        if key.details.users.is_empty() {
            return Err("no name with a self-signature".to_owned().into());
        }
        let armored = key.to_armored_string(ArmorOptions::default())?;
        let binary = key.to_bytes()?;
        Ok(Self { key, armored, binary })
    }

    /// The full fingerprint, 40 upper-case hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::recorded(format!("{:X}", self.key.fingerprint()))
    }

    /// When the key was made. No signature of it can be older.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(i64::from(self.key.created_at().as_secs()), 0).expect("32 bits of seconds are a time")
    }

    /// When clients stop believing the key; none if they always will.
    #[must_use]
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        let self_signatures = self.key.details.users.iter().flat_map(|user| &user.signatures);
        let valid_for = self_signatures.filter_map(|signature| signature.key_expiration_time()).next_back()?;
        Some(self.created_at() + TimeDelta::seconds(i64::from(valid_for.as_secs())))
    }

    /// ASCII armor: what `rpm --import`, `.repo` files and apt's `.asc` keyrings take.
    #[must_use]
    pub fn armored(&self) -> &str {
        &self.armored
    }

    /// Bare packets: what apt's `.gpg` keyrings take, on every version.
    #[must_use]
    pub fn binary(&self) -> &[u8] {
        &self.binary
    }

    /// Verifies an `InRelease` and returns the text that was signed, each line ended by LF.
    ///
    /// # Errors
    /// If there is text outside the signed block, or if no signature in it is this key's.
    pub fn verify_clear_signed(&self, signed: &str) -> Result<String, VerifyError> {
        let (message, _) = CleartextSignedMessage::from_string(signed).map_err(|source| {
            VerifyError::NotASignature { expected: "a clear-signed text and nothing else", source: Box::new(source) }
        })?;
        let signature = message.verify(&self.key.primary_key).map_err(|source| self.bad(source))?;
        if signature.typ() != Some(SignatureType::Text) {
            return Err(VerifyError::WrongType { expected: "text" });
        }
        // The text that the signature covers, not the text in the file: the two may differ in blanks. The last line's
        // end is not part of it.
        Ok(message.signed_text().replace("\r\n", "\n") + "\n")
    }

    /// Verifies an armored file of detached signatures (`Release.gpg`, `repomd.xml.asc`) over these very bytes.
    ///
    /// # Errors
    /// If no signature in it is this key's over these bytes.
    pub fn verify_detached(&self, data: &[u8], signature: &str) -> Result<(), VerifyError> {
        let not_one =
            |source| VerifyError::NotASignature { expected: "an armored detached signature", source: Box::new(source) };
        let (signatures, _) = DetachedSignature::from_string_many(signature).map_err(not_one)?;
        let mut outcome = Err(not_one("no signature".to_owned().into()));
        for signature in signatures {
            outcome = self.verify_bytes(data, &signature.map_err(not_one)?.signature);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    pub(super) fn verify_bytes(&self, data: &[u8], signature: &pgp::packet::Signature) -> Result<(), VerifyError> {
        if signature.typ() != Some(SignatureType::Binary) {
            return Err(VerifyError::WrongType { expected: "bytes" });
        }
        signature.verify(&self.key.primary_key, data).map_err(|source| self.bad(source))
    }

    fn bad(&self, source: pgp::errors::Error) -> VerifyError {
        VerifyError::Bad { fingerprint: self.fingerprint(), source: Box::new(source) }
    }
}
