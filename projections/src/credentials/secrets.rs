//! Digests of secrets by public id, compared in constant time.

use std::{collections::HashMap, hash::Hash};

use domain::digest::Sha256;
use subtle::ConstantTimeEq as _;

/// The digest that an unknown id is compared with, to take as long as a known one. No known secret has this digest.
const UNKNOWN: Sha256 = Sha256([0; 32]);

/// Who each secret belongs to.
pub(super) struct Secrets<K, O>(HashMap<K, (Sha256, O)>);

impl<K, O> Default for Secrets<K, O> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, O: Copy> Secrets<K, O> {
    /// The owner of `key`, if its secret has this digest.
    pub(super) fn owner(&self, key: K, presented_sha256: &Sha256) -> Option<O> {
        let known = self.0.get(&key);
        let expected = known.map_or(&UNKNOWN, |(sha256, _)| sha256);
        let equal = bool::from(expected.0.ct_eq(&presented_sha256.0));
        known.filter(|_| equal).map(|(_, owner)| *owner)
    }

    /// Whether `key` is known. Says nothing of its secret.
    pub(super) fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// The owner of `key`. Does not check the secret.
    pub(super) fn owner_of(&self, key: &K) -> Option<O> {
        self.0.get(key).map(|(_, owner)| *owner)
    }

    /// What is known of the owner of `key`, to be changed.
    pub(super) fn owner_mut(&mut self, key: &K) -> Option<&mut O> {
        self.0.get_mut(key).map(|(_, owner)| owner)
    }

    pub(super) fn insert(&mut self, key: K, sha256: Sha256, owner: O) {
        self.0.insert(key, (sha256, owner));
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.0.remove(key);
    }
}
