//! The secret store: secrets encrypted on disk; events refer to them by id.
//!
//! Private keys, webhook secrets and the access keys an installer shows lie here, one file each, encrypted with
//! XChaCha20-Poly1305 under the server's master key. The id and the purpose are bound into the encryption, so that a
//! file moved to another name, or read for another purpose, does not open.
//!
//! The disk is accessed on background threads, so that no other task waits for it; only opening the store blocks.

mod error;
mod files;
mod master_key;
mod sealed;
mod store;
#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use uuid::Uuid;
use zeroize::Zeroizing;

pub use self::error::SecretsError;
use self::store::Store;
use crate::blocking::blocking;

/// Longest secret. The longest in use, an RSA-4096 private key, takes 4 KB.
pub(crate) const SECRET_MAX_BYTES: usize = 64 * 1024;

/// An open secret store.
#[derive(Debug)]
pub struct Secrets(Arc<Store>);

impl Secrets {
    /// Opens the store in `folder` with the 32 bytes in `master_key_file`; at the first start makes both. Blocks on the
    /// disk.
    ///
    /// # Errors
    /// If others than the owner may read one of them, if the key is not 32 bytes, if it did not seal the secrets in
    /// the folder, and if it is missing although secrets exist: a new key could never open them.
    pub fn open(folder: &Path, master_key_file: &Path) -> Result<Self, SecretsError> {
        Ok(Self(Arc::new(Store::open(folder, master_key_file)?)))
    }

    /// Opens the store that is there, for who only looks: makes nothing. None if there is none, or no master key.
    /// Blocks on the disk.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn existing(folder: &Path, master_key_file: &Path) -> Result<Option<Self>, SecretsError> {
        Ok(Store::existing(folder, master_key_file)?.map(|store| Self(Arc::new(store))))
    }

    /// Seals `secret` under a new `id`. When it returns, the secret survives a power cut.
    ///
    /// # Errors
    /// `AlreadySealed` if the id is taken: a sealed secret is never overwritten, because a private key lost is lost
    /// for ever. `TooLong` beyond [`SECRET_MAX_BYTES`].
    pub async fn seal(&self, id: Uuid, purpose: &'static str, secret: &[u8]) -> Result<(), SecretsError> {
        let secret = Zeroizing::new(secret.to_vec());
        self.with_store(move |store| store.seal(id, purpose, &secret)).await
    }

    /// Opens what was sealed under `id` for this very `purpose`.
    ///
    /// # Errors
    /// `NotFound` if nothing is sealed under the id; `WrongMasterKey`, `Moved` or `Damaged` if it does not open.
    pub async fn unseal(&self, id: Uuid, purpose: &'static str) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
        self.with_store(move |store| store.unseal(id, purpose)).await
    }

    /// Removes what was sealed under `id`, for ever. Fine if there was nothing.
    ///
    /// # Errors
    /// If the disk refuses.
    pub async fn delete(&self, id: Uuid) -> Result<(), SecretsError> {
        self.with_store(move |store| store.delete(id)).await
    }

    /// The same, with zeros written over it before: for what must not be found on the disk either. A disk or a file
    /// system that writes changed data elsewhere may hold the old bytes for a while; they are useless without the
    /// master key.
    ///
    /// # Errors
    /// If the disk refuses.
    pub async fn destroy(&self, id: Uuid) -> Result<(), SecretsError> {
        self.with_store(move |store| store.destroy(id)).await
    }

    /// The ids of everything that is sealed.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub async fn ids(&self) -> Result<Vec<Uuid>, SecretsError> {
        self.with_store(Store::ids).await
    }

    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, SecretsError> + Send + 'static,
    ) -> Result<T, SecretsError> {
        let store = Arc::clone(&self.0);
        blocking(move || work(&store)).await?
    }
}
