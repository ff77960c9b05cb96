//! Encrypting and decrypting personal data in events, and destroying the keys of persons.
//!
//! Each person has a random key of 256 bits, sealed in the secret store under the person's id. Texts are encrypted with
//! XChaCha20-Poly1305; the person, the field and the place are bound into the encryption, so that a text moved to
//! another person, field or event does not open. Texts are padded: their length says nothing.

mod sealed;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

use domain::{
    account::Account,
    error_chain::ErrorChain,
    ids::{CommandId, PersonId},
    personal::{Field, Personal},
};
use event_log::execute::{Executor, LogError};
use rand::{RngCore as _, rngs::OsRng};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::secrets::{Secrets, SecretsError};

/// What a person's key is sealed for.
const PURPOSE: &str = "key of a person's data";
const KEY_BYTES: usize = 32;

type Key = Arc<Zeroizing<[u8; KEY_BYTES]>>;

/// The keys of persons. Cheap to clone. A key is read from the disk once.
#[derive(Clone)]
pub struct Persons {
    secrets: Arc<Secrets>,
    known: Arc<RwLock<Known>>,
}

/// The keys that were used since the start.
#[derive(Default)]
struct Known {
    keys: HashMap<PersonId, Key>,
    /// How many keys were destroyed: what was read from the disk before the last one is not remembered after it.
    destroyed: u64,
}

/// Why the keys of erased persons could not all be destroyed.
#[derive(Debug, thiserror::Error)]
pub enum DestroyError {
    /// Who is erased cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A key cannot be deleted.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

impl Persons {
    /// The persons whose keys are in `secrets`.
    #[must_use]
    pub fn new(secrets: Arc<Secrets>) -> Self {
        Self { secrets, known: Arc::default() }
    }

    /// Makes the key of a new person. When it returns, the key survives a power cut.
    ///
    /// # Errors
    /// The person has one, or the disk refuses.
    pub async fn make_key(&self, person: PersonId) -> Result<(), SecretsError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        OsRng.fill_bytes(key.as_mut());
        self.secrets.seal(person.0, PURPOSE, key.as_ref()).await
    }

    /// Data about the person itself: a name, an e-mail address. It belongs to the person's own stream.
    ///
    /// # Errors
    /// The person's key is destroyed, or cannot be read.
    pub async fn seal(&self, person: PersonId, field: Field, text: &str) -> Result<Personal, SecretsError> {
        let key = self.key(person).await?;
        Ok(Personal { person, sealed: sealed::seal(&key, &bound(person, field, person.0), text) })
    }

    /// The address that the command came from, for the metadata of its events only. None if the person's key is missing
    /// or cannot be read: commands still work then. A key that cannot be read is logged; a destroyed one is not.
    pub async fn seal_origin(&self, person: PersonId, command: CommandId, address: IpAddr) -> Option<Personal> {
        let key = match self.key(person).await {
            Ok(key) => key,
            Err(SecretsError::NotFound { .. }) => return None,
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "cannot record the IP address of person {person}");
                return None;
            }
        };
        Some(Personal {
            person,
            sealed: sealed::seal(&key, &bound(person, Field::Origin, command.0), &address.to_string()),
        })
    }

    /// The text of [`Self::seal`]; none once the person is erased.
    pub async fn open(&self, personal: &Personal, field: Field) -> Option<String> {
        let key = self.key(personal.person).await.ok()?;
        sealed::open(&key, &bound(personal.person, field, personal.person.0), &personal.sealed)
    }

    /// The text of [`Self::seal_origin`]; none once the person is erased.
    pub async fn open_origin(&self, personal: &Personal, command: CommandId) -> Option<String> {
        let key = self.key(personal.person).await.ok()?;
        sealed::open(&key, &bound(personal.person, Field::Origin, command.0), &personal.sealed)
    }

    /// Whether anything of the person can be opened: not before the person is registered here, and not after an
    /// erasure.
    pub async fn has_key(&self, person: PersonId) -> bool {
        self.key(person).await.is_ok()
    }

    /// Destroys the person's key: on the disk and in memory. Fine if there is none.
    ///
    /// # Errors
    /// The disk refuses. The next start tries again, once the person's erasure is recorded.
    pub async fn destroy(&self, person: PersonId) -> Result<(), SecretsError> {
        self.forget(person);
        let destroyed = self.secrets.destroy(person.0).await;
        // Again: another task may have read it meanwhile.
        self.forget(person);
        destroyed
    }

    /// Destroys the keys of all whose erasure is recorded, and returns how many there were: a process ended between the
    /// event and the key, or a backup brought a key back.
    ///
    /// # Errors
    /// See [`DestroyError`].
    pub async fn destroy_erased(&self, executor: &Executor) -> Result<usize, DestroyError> {
        let mut destroyed = 0;
        for id in self.secrets.ids().await? {
            if executor.inspect::<Account, _>(id, |account, _| account.is_erased()).await? {
                self.destroy(PersonId(id)).await?;
                destroyed += 1;
            }
        }
        Ok(destroyed)
    }

    async fn key(&self, person: PersonId) -> Result<Key, SecretsError> {
        let destroyed = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(key) = known.keys.get(&person) {
                return Ok(key.clone());
            }
            known.destroyed
        };
        let bytes = self.secrets.unseal(person.0, PURPOSE).await?;
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| SecretsError::NotFound { id: person.0 })?;
        let key = Arc::new(Zeroizing::new(key));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.destroyed == destroyed {
            known.keys.insert(person, key.clone());
        }
        Ok(key)
    }

    fn forget(&self, person: PersonId) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.destroyed += 1;
        known.keys.remove(&person);
    }
}

/// What a sealed text belongs to. Every part but the field has a fixed length, and no field's name begins another's.
fn bound(person: PersonId, field: Field, place: Uuid) -> Vec<u8> {
    [b"pkgdeploy personal 1\0".as_slice(), person.0.as_bytes(), place.as_bytes(), field.as_str().as_bytes()].concat()
}
