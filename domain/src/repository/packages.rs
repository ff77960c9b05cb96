//! The packages of a repository, found by name and version, by file, and by the key that signed them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::yank::{Yank, YankPolicy};
use crate::{
    digest::Sha256,
    fingerprint::Fingerprint,
    package::Package,
    weight::{TEXT_BYTES, of_entries},
};

/// The identity of a package for a package manager: two different files of one identity would break clients.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) architecture: String,
}

impl Identity {
    pub(super) fn of(package: &Package) -> Self {
        Self {
            name: package.name().to_owned(),
            version: package.version(),
            architecture: package.architecture().to_owned(),
        }
    }
}

/// The file in which a package is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) sha256: Sha256,
    /// A handful of keys signed all packages: their names are shared.
    pub(super) signed_with: Option<Fingerprint>,
    /// Most never are.
    pub(super) yanked: Option<Box<Yank>>,
}

impl Present {
    /// Later publications are without it. Its identity stays taken.
    pub(super) fn is_hidden(&self) -> bool {
        self.yanked.as_ref().is_some_and(|yank| yank.policy == YankPolicy::Hide)
    }
}

/// Every package that was added, hidden ones too. There may be a million, so nothing here walks through all of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Packages {
    present: BTreeMap<Arc<Identity>, Present>,
    in_file: BTreeMap<Sha256, Arc<Identity>>,
    /// Those that are not hidden, by their key; under none, those whose event does not name a key.
    signed_with: BTreeMap<Option<Fingerprint>, BTreeSet<Arc<Identity>>>,
}

impl Packages {
    pub(super) fn len(&self) -> usize {
        self.present.len()
    }

    pub(super) fn get(&self, identity: &Identity) -> Option<&Present> {
        self.present.get(identity)
    }

    /// Roughly how much memory all this takes: each identity is there once, and three maps point at it.
    pub(super) fn weight_bytes(&self) -> usize {
        let count = self.present.len();
        count * (size_of::<Identity>() + 3 * TEXT_BYTES)
            + of_entries::<Arc<Identity>, Present>(count, 0)
            + of_entries::<Sha256, Arc<Identity>>(count, 0)
            + of_entries::<Arc<Identity>, ()>(count, 0)
    }

    /// The package that is there, or hidden, in that file.
    pub(super) fn in_file(&self, sha256: Sha256) -> Option<(&Identity, &Present)> {
        let identity = self.in_file.get(&sha256)?;
        Some((identity, self.present.get(identity)?))
    }

    /// The files of the packages that are not hidden and bear the signature of that key.
    pub(super) fn signed_by(&self, key_fingerprint: Option<&Fingerprint>) -> impl Iterator<Item = Sha256> {
        // A handful of keys: no look-up by a borrowed name is worth its trouble.
        let theirs = self.signed_with.iter().filter(move |(key, _)| key.as_ref() == key_fingerprint);
        theirs.flat_map(|(_, identities)| identities).filter_map(|identity| Some(self.present.get(identity)?.sha256))
    }

    /// Takes in a package, or another file of one that is there, which stays marked if it was.
    pub(super) fn put(&mut self, package: &Package, key_fingerprint: Option<&Fingerprint>) {
        let known = self.signed_with.keys().find(|key| key.as_ref() == key_fingerprint).cloned();
        let signed_with = known.unwrap_or_else(|| key_fingerprint.cloned());
        let identity = Identity::of(package);
        let before =
            self.present.get_key_value(&identity).map(|(identity, before)| (Arc::clone(identity), before.clone()));
        let (identity, yanked) = match before {
            Some((identity, before)) => {
                self.in_file.remove(&before.sha256);
                self.take_from_key(&before.signed_with, &identity);
                (identity, before.yanked)
            }
            None => (Arc::new(identity), None),
        };
        let present = Present { sha256: package.sha256, signed_with, yanked };
        self.in_file.insert(present.sha256, Arc::clone(&identity));
        self.give_to_key(&present, &identity);
        self.present.insert(identity, present);
    }

    /// Yanks a package, or restores it. Returns whether that changes what clients can see.
    pub(super) fn set_yanked(&mut self, sha256: Sha256, yank: Option<Yank>) -> bool {
        let Some(identity) = self.in_file.get(&sha256).cloned() else { return false };
        let Some(present) = self.present.get_mut(&identity) else { return false };
        let was_hidden = present.is_hidden();
        present.yanked = yank.map(Box::new);
        let present = present.clone();
        if present.is_hidden() {
            self.take_from_key(&present.signed_with, &identity);
        } else {
            self.give_to_key(&present, &identity);
        }
        was_hidden != present.is_hidden()
    }

    fn give_to_key(&mut self, present: &Present, identity: &Arc<Identity>) {
        if !present.is_hidden() {
            self.signed_with.entry(present.signed_with.clone()).or_default().insert(Arc::clone(identity));
        }
    }

    fn take_from_key(&mut self, key: &Option<Fingerprint>, identity: &Arc<Identity>) {
        if let Some(identities) = self.signed_with.get_mut(key) {
            identities.remove(identity);
        }
    }
}
