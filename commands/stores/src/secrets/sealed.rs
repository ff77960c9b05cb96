//! The bytes of a sealed file: magic, key check, id, nonce, ciphertext with its tag.
//!
//! The header distinguishes a wrong master key and a moved file from damage. It is bound into the encryption together
//! with the purpose, so it cannot be edited to fit.

use std::path::Path;

use chacha20poly1305::{
    AeadInPlace, XNonce,
    aead::{Aead, Payload},
};
use rand::{RngCore as _, rngs::OsRng};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    error::SecretsError,
    master_key::{CHECK_BYTES, MasterKey},
};

const MAGIC: &[u8; 8] = b"PKDSEAL1";
const ID_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const BOUND_BYTES: usize = MAGIC.len() + CHECK_BYTES + ID_BYTES;

/// Bytes before the ciphertext.
pub(super) const HEADER_BYTES: usize = BOUND_BYTES + NONCE_BYTES;
/// Bytes that the authentication tag adds.
pub(super) const TAG_BYTES: usize = 16;

/// Why bytes do not open; becomes a [`SecretsError`] where the path is known.
#[derive(Debug)]
pub(super) enum Fault {
    NotSealed,
    WrongMasterKey,
    Moved(Uuid),
    Damaged { purpose: String },
}

impl Fault {
    pub(super) fn at(self, id: Uuid, path: &Path) -> SecretsError {
        let path = path.to_owned();
        match self {
            Fault::NotSealed => SecretsError::NotSealed { path },
            Fault::WrongMasterKey => SecretsError::WrongMasterKey { path },
            Fault::Moved(found) => SecretsError::Moved { path, found },
            Fault::Damaged { purpose } => SecretsError::Damaged { id, purpose, path },
        }
    }
}

/// Seals `secret`. Fails only if the operating system gives no random bytes.
pub(super) fn seal(key: &MasterKey, id: Uuid, purpose: &str, secret: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut nonce = [0; NONCE_BYTES];
    OsRng.try_fill_bytes(&mut nonce).map_err(std::io::Error::other)?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + secret.len() + TAG_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(key.check());
    bytes.extend_from_slice(id.as_bytes());
    let bound = associated_data(&bytes, purpose);
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(secret);
    let tag = key
        .cipher()
        .encrypt_in_place_detached(&XNonce::from(nonce), &bound, &mut bytes[HEADER_BYTES..])
        .expect("a secret is far shorter than the cipher's limit of 256 GiB");
    bytes.extend_from_slice(&tag);
    Ok(bytes)
}

/// Opens what [`seal`] made for the same id and purpose under the same key.
pub(super) fn unseal(key: &MasterKey, id: Uuid, purpose: &str, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    check_header(key, id, bytes)?;
    let (header, ciphertext) = bytes.split_at_checked(HEADER_BYTES).ok_or(Fault::NotSealed)?;
    let (bound, nonce) = header.split_at(BOUND_BYTES);
    let bound = associated_data(bound, purpose);
    key.cipher()
        .decrypt(XNonce::from_slice(nonce), Payload { msg: ciphertext, aad: &bound })
        .map(Zeroizing::new)
        .map_err(|_| Fault::Damaged { purpose: purpose.to_owned() })
}

/// Whether the file claims to be the secret `id`, sealed with `key`.
pub(super) fn check_header(key: &MasterKey, id: Uuid, bytes: &[u8]) -> Result<(), Fault> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(Fault::NotSealed)?;
    let (check, rest) = rest.split_first_chunk::<CHECK_BYTES>().ok_or(Fault::NotSealed)?;
    let (found, _) = rest.split_first_chunk::<ID_BYTES>().ok_or(Fault::NotSealed)?;
    if check != key.check() {
        return Err(Fault::WrongMasterKey);
    }
    let found = Uuid::from_bytes(*found);
    if found == id { Ok(()) } else { Err(Fault::Moved(found)) }
}

/// The fixed-length header first, so that no purpose can imitate it.
fn associated_data(header: &[u8], purpose: &str) -> Vec<u8> {
    [header, purpose.as_bytes()].concat()
}
