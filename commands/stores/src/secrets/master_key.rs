//! The master key, the only unencrypted one: 32 random bytes in a file that only the server's user may read.

use std::{fs, io, path::Path};

use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305};
use rand::{RngCore as _, rngs::OsRng};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{error::SecretsError, files};

const KEY_BYTES: usize = 32;
/// Bytes that tell one master key from another without telling the key.
pub(super) const CHECK_BYTES: usize = 8;

pub(super) struct MasterKey {
    cipher: XChaCha20Poly1305,
    check: [u8; CHECK_BYTES],
}

impl MasterKey {
    /// `None` if there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, SecretsError> {
        let failed = |source| SecretsError::Io { action: "read the master key", path: path.into(), source };
        // The type first: opening a pipe would wait for a writer for ever.
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
            Ok(metadata) if !metadata.is_file() => return Err(SecretsError::NotAMasterKey { path: path.into() }),
            Ok(metadata) => files::refuse_if_open_to_others(path, &metadata, 0o600)?,
        }
        let bytes = Zeroizing::new(files::read_at_most(path, KEY_BYTES).map_err(failed)?);
        let key = <&[u8; KEY_BYTES]>::try_from(bytes.as_slice())
            .map_err(|_| SecretsError::NotAMasterKey { path: path.into() })?;
        Ok(Some(Self::new(key)))
    }

    /// Draws a key and stores it durably.
    pub(super) fn create(path: &Path) -> Result<Self, SecretsError> {
        let failed = |source| SecretsError::Io { action: "create the master key", path: path.into(), source };
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        OsRng.try_fill_bytes(key.as_mut_slice()).map_err(|error| failed(io::Error::other(error)))?;
        files::write_new_private_file(path, key.as_slice()).map_err(failed)?;
        Ok(Self::new(&key))
    }

    fn new(key: &[u8; KEY_BYTES]) -> Self {
        let digest = Sha256::new().chain_update(b"pkgdeploy master key check\0").chain_update(key).finalize();
        let mut check = [0; CHECK_BYTES];
        check.copy_from_slice(&digest[..CHECK_BYTES]);
        Self { cipher: XChaCha20Poly1305::new(Key::from_slice(key)), check }
    }

    pub(super) fn cipher(&self) -> &XChaCha20Poly1305 {
        &self.cipher
    }

    pub(super) fn check(&self) -> &[u8; CHECK_BYTES] {
        &self.check
    }
}
