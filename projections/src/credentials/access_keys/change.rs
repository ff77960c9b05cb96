//! What an event changes in memory, once its rows are committed.

use std::mem;

use domain::{
    digest::Sha256,
    ids::{AccessKeyId, RepositoryId},
    keyring::KeyKind,
};
use ports::grace_windows::ClosedWindow;

use super::{AccessKeys, Held, NEVER};

/// How many ended keys are forgotten after each batch of events. Every request with a key waits that long, some hundred
/// microseconds.
const FORGOTTEN_MAX: usize = 4_096;

/// A change of the access keys in memory.
pub(in crate::credentials) enum Change {
    /// The key of the newest generation works.
    Works { repository: RepositoryId, key: AccessKeyId, sha256: Sha256, kind: KeyKind, ends: Ends },
    /// It no longer does.
    Ended(AccessKeyId),
    /// A generation began. Without an end, what is older has ended.
    Generation { repository: RepositoryId, generation: u32, until: Option<i64> },
    /// How many machines have changed their key.
    Progress { repository: RepositoryId, machines: u32, moved: u32 },
    /// The machine of this key has used it.
    Used(AccessKeyId),
    /// What is older than the newest generation has ended.
    Closed(RepositoryId, u32),
    /// The sealed keys of a closed window are deleted.
    SealedKeysDeleted(RepositoryId, u32),
}

/// How a key ends by itself, and whether its machine has used it.
pub(in crate::credentials) struct Ends {
    pub(super) expires_at: Option<i64>,
    pub(super) never_used: bool,
}

impl Change {
    /// Whether to wake the worker that closes windows. The end of an older shared key may be all it waits for.
    pub(in crate::credentials) fn concerns_windows(&self) -> bool {
        !matches!(self, Self::Works { .. } | Self::Used(_))
    }
}

impl AccessKeys {
    pub(in crate::credentials) fn apply(&mut self, change: Change) {
        match change {
            Change::Works { repository, key, sha256, kind, ends } => {
                let (index, ring) = self.ring(repository);
                ring.current.push(key);
                let (expires_at, never_used) = (ends.expires_at.unwrap_or(NEVER), ends.never_used);
                let held = Held { ring: index, generation: ring.generation, expires_at, kind, never_used };
                self.keys.insert(key, sha256, held);
            }
            Change::Ended(key) => self.keys.remove(&key),
            Change::Generation { repository, generation, until } => {
                let ring = self.ring(repository).1;
                (ring.generation, ring.until) = (generation, until);
                let ended = match until {
                    Some(_) => {
                        let current = mem::take(&mut ring.current);
                        vec![mem::replace(&mut ring.older, current)]
                    }
                    None => vec![mem::take(&mut ring.older), mem::take(&mut ring.current)],
                };
                self.dead.extend(ended.into_iter().filter(|keys| !keys.is_empty()));
            }
            Change::Progress { repository, machines, moved } => {
                let ring = self.ring(repository).1;
                (ring.machines, ring.moved) = (machines, moved);
            }
            Change::Used(key) => {
                if let Some(held) = self.keys.owner_mut(&key) {
                    held.never_used = false;
                }
            }
            Change::Closed(repository, generation) => {
                let ring = self.ring(repository).1;
                ring.until = None;
                let older = mem::take(&mut ring.older);
                self.dead.extend(Some(older).filter(|keys| !keys.is_empty()));
                self.sealed.push(ClosedWindow { repository, generation });
            }
            Change::SealedKeysDeleted(repository, generation) => {
                self.sealed.retain(|window| *window != ClosedWindow { repository, generation });
            }
        }
    }

    /// Forgets some of the keys that have ended.
    pub(in crate::credentials) fn forget_some(&mut self) {
        let mut left = FORGOTTEN_MAX;
        while left > 0
            && let Some(keys) = self.dead.front_mut()
        {
            let some = keys.len().saturating_sub(left);
            for key in keys.drain(some..) {
                self.keys.remove(&key);
                left -= 1;
            }
            if keys.is_empty() {
                self.dead.pop_front();
            }
        }
    }

    pub(in crate::credentials) fn has_forgettable(&self) -> bool {
        !self.dead.is_empty()
    }
}
