//! The grace window: while it is open, keys of the generation before are valid beside the new ones.

use chrono::{DateTime, Utc};

use super::Keyring;
use crate::ids::AccessKeyId;

/// An open grace window.
#[derive(Debug, PartialEq, Eq)]
pub struct Window {
    /// When older keys end, even if its end is not recorded.
    pub until: DateTime<Utc>,
    /// How many machines had an older key when it opened, and were not cut off since.
    pub machines: u32,
    /// How many of them have used their new key.
    pub moved: u32,
    /// The shared keys of older generations. How many clients use them is unknown.
    pub(super) older_shared: Vec<AccessKeyId>,
    /// The keys that are stored sealed until they are delivered.
    pub(super) sealed: Vec<AccessKeyId>,
}

impl Keyring {
    /// No older key is needed: every machine has moved, and no older shared key is valid.
    #[must_use]
    pub fn everyone_moved(&self, now: DateTime<Utc>) -> bool {
        self.window.as_ref().is_some_and(|window| {
            window.machines > 0
                && window.moved == window.machines
                && !window.older_shared.iter().any(|key| self.live(*key, now).is_some())
        })
    }

    /// The sealed copies of keys that will not be handed over any more, with the generation of their window.
    pub fn forgettable(&self) -> impl Iterator<Item = (u32, &[AccessKeyId])> {
        self.forgettable.iter().map(|(generation, keys)| (*generation, keys.as_slice()))
    }
}
