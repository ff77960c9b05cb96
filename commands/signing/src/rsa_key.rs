//! An RSA private key that signs through AWS-LC: constant-time, and several times faster than rPGP's own.
//!
//! The `rsa` crate, which leaks timing (RUSTSEC-2023-0071), only converts the key's numbers and verifies.

use std::fmt;

use aws_lc_rs::{
    digest::{self, Digest},
    rsa::KeyPair,
    signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding},
};
use pgp::{
    crypto::{hash::HashAlgorithm, public_key::PublicKeyAlgorithm},
    errors::Error,
    packet::{PublicKey, SecretKey},
    types::{
        Fingerprint, KeyDetails, KeyId, KeyVersion, Mpi, Password, PlainSecretParams, PublicParams, SignatureBytes,
        SigningKey, Timestamp,
    },
};
use rsa::{BigUint, RsaPrivateKey, pkcs1::EncodeRsaPrivateKey as _, traits::PublicKeyParts as _};
use zeroize::Zeroizing;

use super::error::{SigningError, open_pgp};

/// The private key with the public packet that names it.
pub(super) struct RsaKey {
    public: PublicKey,
    pair: KeyPair,
}

impl RsaKey {
    /// Takes the numbers out of an OpenPGP key. `None` if it is not an RSA key.
    pub(super) fn from_openpgp(key: &SecretKey) -> Result<Option<Self>, SigningError> {
        let der = key
            .unlock(&Password::empty(), |public, secret| match (public, secret) {
                (PublicParams::RSA(public), PlainSecretParams::RSA(secret)) => {
                    let (d, p, q, _) = secret.to_bytes();
                    let [d, p, q] = [d, p, q].map(|number| BigUint::from_bytes_be(&Zeroizing::new(number)));
                    let (n, e) = (public.key.n().clone(), public.key.e().clone());
                    let private = RsaPrivateKey::from_components(n, e, d, vec![p, q])?;
                    let der = private.to_pkcs1_der().map_err(|error| Error::from(error.to_string()))?;
                    Ok(Some(der))
                }
                _ => Ok(None),
            })
            .flatten()
            .map_err(open_pgp("read the numbers of the RSA key"))?;
        let Some(der) = der else { return Ok(None) };
        let pair = KeyPair::from_der(der.as_bytes())
            .map_err(|_| SigningError::Refused { action: "take the numbers of the RSA key" })?;
        Ok(Some(Self { public: key.public_key().clone(), pair }))
    }
}

impl SigningKey for RsaKey {
    fn hash_alg(&self) -> HashAlgorithm {
        HashAlgorithm::Sha512
    }

    /// Signs a digest with PKCS #1 v1.5, which draws no randomness: the same digest has the same signature.
    fn sign(&self, _: &Password, hash: HashAlgorithm, digest: &[u8]) -> Result<SignatureBytes, Error> {
        let (algorithm, encoding): (_, &'static dyn RsaEncoding) = match hash {
            HashAlgorithm::Sha256 => (&digest::SHA256, &RSA_PKCS1_SHA256),
            HashAlgorithm::Sha512 => (&digest::SHA512, &RSA_PKCS1_SHA512),
            _ => return Err("this key signs SHA-256 and SHA-512 only".to_owned().into()),
        };
        let digest =
            Digest::import_less_safe(digest, algorithm).map_err(|_| "the digest's length is wrong".to_owned())?;
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign_digest(encoding, &digest, &mut signature).map_err(|_| "AWS-LC refused to sign".to_owned())?;
        Ok(SignatureBytes::Mpis(vec![Mpi::from_slice(&signature)]))
    }
}

impl KeyDetails for RsaKey {
    fn version(&self) -> KeyVersion {
        self.public.version()
    }
    fn legacy_key_id(&self) -> KeyId {
        self.public.legacy_key_id()
    }
    fn fingerprint(&self) -> Fingerprint {
        self.public.fingerprint()
    }
    fn algorithm(&self) -> PublicKeyAlgorithm {
        self.public.algorithm()
    }
    fn created_at(&self) -> Timestamp {
        self.public.created_at()
    }
    fn legacy_v3_expiration_days(&self) -> Option<u16> {
        None
    }
    fn public_params(&self) -> &PublicParams {
        self.public.public_params()
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaKey").field("public", &self.public).finish_non_exhaustive()
    }
}
