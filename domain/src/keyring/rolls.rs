//! Rolling keys: which keys a roll renews, and which key a client should use next.

use chrono::{DateTime, Utc};

use super::{Holder, Key, Keyring, NamedKind, Refusal, Replacement, Successor};
use crate::ids::AccessKeyId;

/// Which key the holder of a live key should use from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextKey {
    /// The key it has.
    Same,
    /// An existing key, stored sealed.
    Sealed(AccessKeyId),
    /// A key that has yet to be issued, with this id.
    ToRenew(AccessKeyId),
    /// Its own key, after enrolling.
    ToEnrol,
}

impl Keyring {
    /// The key that replaces `key`, if `key` is valid.
    #[must_use]
    pub fn next_key(&self, key: AccessKeyId, now: DateTime<Utc>) -> Option<NextKey> {
        let found = self.live(key, now)?;
        let successor = found.successor.filter(|successor| self.live(*successor, now).is_some());
        Some(match (&found.holder, successor) {
            (Holder::Enrolment { .. }, _) => NextKey::ToEnrol,
            (_, Some(successor)) => NextKey::Sealed(successor),
            (Holder::Machine(_), None) if found.generation < self.generation() => {
                NextKey::ToRenew(key.renewed(self.generation()))
            }
            (Holder::Machine(_) | Holder::Shared(_), None) => NextKey::Same,
        })
    }

    /// The keys that the next roll makes new ones for: the newest of each name, but for those that ended by `now` and
    /// enrolment keys that are used up.
    #[must_use]
    pub fn to_renew(&self, now: DateTime<Utc>) -> Vec<AccessKeyId> {
        self.names.values().copied().filter(|key| self.live(*key, now).is_some_and(Key::is_of_use)).collect()
    }

    /// The new keys, one for each that [`Self::to_renew`] names.
    pub(super) fn successors(
        &self,
        replacements: &[Replacement],
        now: DateTime<Utc>,
    ) -> Result<Vec<Successor>, Refusal> {
        let to_renew = self.to_renew(now);
        if to_renew.len() != replacements.len() {
            return Err(Refusal::KeysChanged);
        }
        let successor = |old: AccessKeyId| {
            let replacement = replacements.iter().find(|replacement| replacement.old == old)?;
            self.keys.get(&old)?.successor(replacement)
        };
        to_renew.into_iter().map(|old| successor(old).ok_or(Refusal::KeysChanged)).collect()
    }

    /// Every new key is there already: the same roll was asked for twice.
    pub(super) fn has_all(&self, replacements: &[Replacement]) -> bool {
        let current = |id: &AccessKeyId| self.keys.get(id).is_some_and(|key| key.generation == self.generation());
        !replacements.is_empty() && replacements.iter().all(|replacement| current(&replacement.new))
    }
}

impl Key {
    pub(super) fn is_of_use(&self) -> bool {
        match self.holder {
            Holder::Shared(_) | Holder::Machine(_) => true,
            Holder::Enrolment { enrols_max, enrolled, .. } => enrolled < enrols_max,
        }
    }

    /// The event of the key that follows this one; none for a machine's, which renews its own.
    fn successor(&self, replacement: &Replacement) -> Option<Successor> {
        let (name, kind, enrols_max) = match &self.holder {
            Holder::Shared(name) => (name, NamedKind::Shared, None),
            Holder::Enrolment { name, enrols_max, enrolled } => {
                (name, NamedKind::Enrolment, Some(enrols_max.saturating_sub(*enrolled)))
            }
            Holder::Machine(_) => return None,
        };
        let Replacement { old, new, secret_sha256 } = *replacement;
        Some(Successor { old, new, name: name.clone(), kind, secret_sha256, expires_at: self.expires_at, enrols_max })
    }
}
