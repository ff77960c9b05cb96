//! Making a signing key: one primary key with one self-signed name, and nothing else in it.

use aws_lc_rs::{encoding::AsDer as _, rsa};
use chrono::{DateTime, TimeDelta, Utc};
use pgp::{
    composed::{KeyType, SignedKeyDetails, SignedSecretKey},
    crypto::{hash::HashAlgorithm, public_key::PublicKeyAlgorithm, rsa as pgp_rsa},
    packet::{
        KeyFlags, PubKeyInner, PublicKey, SecretKey, SignatureConfig, SignatureType, Subpacket, SubpacketData, UserId,
    },
    ser::Serialize as _,
    types::{
        Duration, KeyVersion, Password, PlainSecretParams, PublicParams, SecretParams, SignedUser, SigningKey, Tag,
        Timestamp,
    },
};
use rand::rngs::OsRng;
use zeroize::Zeroizing;

use super::{
    certificate::Certificate,
    error::{SigningError, open_pgp},
    rsa_key::RsaKey,
    signer::{Signer, signature_config, timestamp},
};

/// Longest name on a key. OpenPGP sets no limit; rpm and gpg print it on one line.
pub(crate) const USER_ID_MAX_BYTES: usize = 256;

/// Which kind of key to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// The kind every client accepts. Takes a second or more to make.
    Rsa4096,
    /// EdDSA in its older OpenPGP form: small and fast, for apt and modern rpm; EL7 and RHEL 9 refuse it.
    Ed25519Legacy,
}

/// A new key: the secret half goes to the secret store, the public half into an event.
pub struct GeneratedKey {
    /// What [`Signer::load`] takes. It has no passphrase: seal it.
    pub secret: Zeroizing<Vec<u8>>,
    /// What clients verify with.
    pub certificate: Certificate,
}

/// Generates a key with the name `user_id` and the creation time `created_at`, which clients trust for `valid_for`, or
/// for ever. That time is never extended: rpm keeps the certificate that it imported first.
///
/// Blocks for seconds: call it where blocking is allowed.
///
/// # Errors
/// If the name or time cannot stand in a key, and if the system gives no randomness.
pub fn generate(
    algorithm: Algorithm,
    user_id: &str,
    created_at: DateTime<Utc>,
    valid_for: Option<TimeDelta>,
) -> Result<GeneratedKey, SigningError> {
    if !(1..=USER_ID_MAX_BYTES).contains(&user_id.len()) || user_id.contains(char::is_control) {
        return Err(SigningError::UserId);
    }
    let created_at = timestamp(created_at)?;
    let valid_for = valid_for.map(life).transpose()?;
    let key = match algorithm {
        Algorithm::Rsa4096 => rsa_4096(created_at)?,
        Algorithm::Ed25519Legacy => ed25519_legacy(created_at)?,
    };
    // The self-signature too goes through AWS-LC.
    let user = match RsaKey::from_openpgp(&key)? {
        Some(rsa) => self_signed(&rsa, key.public_key(), user_id, created_at, valid_for),
        None => self_signed(&key, key.public_key(), user_id, created_at, valid_for),
    }
    .map_err(open_pgp("sign the key's name"))?;
    let details = SignedKeyDetails::new(vec![], vec![], vec![user], vec![]);
    let secret = SignedSecretKey::new(key, details, vec![], vec![])
        .to_bytes()
        .map(Zeroizing::new)
        .map_err(open_pgp("write the secret key"))?;
    // Proves that what will be sealed can be loaded, before anything is recorded.
    let certificate = Signer::load(&secret)?.certificate().clone();
    Ok(GeneratedKey { secret, certificate })
}

/// OpenPGP's length of time: whole seconds, 32 bits; 0 would mean for ever.
fn life(valid_for: TimeDelta) -> Result<Duration, SigningError> {
    let seconds = valid_for.num_seconds();
    match u32::try_from(seconds) {
        Ok(life) if life > 0 => Ok(Duration::from_secs(life)),
        _ => Err(SigningError::Life { seconds }),
    }
}

fn rsa_4096(created_at: Timestamp) -> Result<SecretKey, SigningError> {
    let refused = SigningError::Refused { action: "make an RSA key" };
    let Ok(der) = rsa::KeyPair::generate(rsa::KeySize::Rsa4096).and_then(|pair| pair.as_der()) else {
        return Err(refused);
    };
    let Ok(private) = <::rsa::RsaPrivateKey as ::rsa::pkcs8::DecodePrivateKey>::from_pkcs8_der(der.as_ref()) else {
        return Err(refused);
    };
    let secret = pgp_rsa::SecretKey::from(private);
    let public = PublicParams::RSA((&secret).into());
    let secret = SecretParams::Plain(PlainSecretParams::RSA(secret));
    packets(PublicKeyAlgorithm::RSA, created_at, public, secret)
}

fn ed25519_legacy(created_at: Timestamp) -> Result<SecretKey, SigningError> {
    let (public, secret) = KeyType::Ed25519Legacy.generate(OsRng).map_err(open_pgp("make an Ed25519 key"))?;
    packets(PublicKeyAlgorithm::EdDSALegacy, created_at, public, secret)
}

fn packets(
    algorithm: PublicKeyAlgorithm,
    created_at: Timestamp,
    public: PublicParams,
    secret: SecretParams,
) -> Result<SecretKey, SigningError> {
    PubKeyInner::new(KeyVersion::V4, algorithm, created_at, None, public)
        .and_then(PublicKey::from_inner)
        .and_then(|public| SecretKey::new(public, secret))
        .map_err(open_pgp("assemble the key"))
}

/// The name with the key's own signature under it, which says what the key is for.
fn self_signed(
    key: &impl SigningKey,
    public: &PublicKey,
    user_id: &str,
    created_at: Timestamp,
    valid_for: Option<Duration>,
) -> pgp::errors::Result<SignedUser> {
    let id = UserId::from_str(Default::default(), user_id)?;
    let mut flags = KeyFlags::default();
    flags.set_certify(true);
    flags.set_sign(true);
    // SHA-256: old rpm and gpg know no newer one in certificates.
    let mut config: SignatureConfig =
        signature_config(key, SignatureType::CertPositive, HashAlgorithm::Sha256, created_at)?;
    config.hashed_subpackets.extend([
        Subpacket::regular(SubpacketData::KeyFlags(flags))?,
        Subpacket::regular(SubpacketData::IsPrimary(true))?,
    ]);
    if let Some(valid_for) = valid_for {
        config.hashed_subpackets.push(Subpacket::regular(SubpacketData::KeyExpirationTime(valid_for))?);
    }
    let signature = config.sign_certification(key, public, &Password::empty(), Tag::UserId, &id)?;
    Ok(SignedUser::new(id, vec![signature]))
}
