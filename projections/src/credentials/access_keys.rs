//! Access keys: which key grants access to which repository, answered from memory.
//!
//! A key is valid as long as its generation, and a generation ends when one number changes: a roll takes the same time
//! for one key and for a hundred thousand. The keys that it ended are removed from memory in small steps afterwards.

mod change;
mod fold;
mod list;
mod load;
mod progress;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    ids::{AccessKeyId, RepositoryId},
    keyring::KeyKind,
};
use ports::grace_windows::{ClosedWindow, OpenWindow, Windows};
use tokio::sync::watch;

pub(super) use self::{change::Change, fold::fold, load::load, rows::Rows};
pub use self::{
    list::{ACCESS_KEYS_PAGE_MAX, AccessKey, KnownKey},
    progress::{KeyringProgress, SILENT_PAGE_MAX, SilentMachine},
};
use super::{Credentials, secrets::Secrets};

/// The holder of a valid access key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// What the key is for.
    pub kind: KeyKind,
    /// Which of its holder's keys it is.
    pub standing: Standing,
}

/// Which of its holder's keys a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The one to use.
    Current,
    /// The one to use, which its machine has never used before.
    NeverUsed,
    /// One of an older generation, which ends with the grace window.
    Older,
}

/// All access keys. Times are microseconds since 1970.
#[derive(Default)]
pub(super) struct AccessKeys {
    keys: Secrets<AccessKeyId, Held>,
    rings: Vec<Ring>,
    by_repository: HashMap<RepositoryId, u32>,
    /// Keys of generations that have ended.
    dead: VecDeque<Vec<AccessKeyId>>,
    /// Closed windows whose sealed keys still exist.
    sealed: Vec<ClosedWindow>,
}

/// The result of a key's look-up, apart from the digest of its secret.
#[derive(Clone, Copy)]
struct Held {
    ring: u32,
    generation: u32,
    expires_at: i64,
    kind: KeyKind,
    never_used: bool,
}

/// The keys of one repository.
struct Ring {
    repository: RepositoryId,
    generation: u32,
    /// The open window's end.
    until: Option<i64>,
    machines: u32,
    moved: u32,
    /// The keys of the newest generation, and of the one before. Some may be revoked.
    current: Vec<AccessKeyId>,
    older: Vec<AccessKeyId>,
}

/// The end of a key that has none.
const NEVER: i64 = i64::MAX;

impl AccessKeys {
    fn pass(
        &self,
        repository: RepositoryId,
        key: AccessKeyId,
        presented_sha256: &Sha256,
        now: DateTime<Utc>,
    ) -> Option<Pass> {
        let held = self.keys.owner(key, presented_sha256)?;
        let ring = self.rings.get(held.ring as usize)?;
        let now = now.timestamp_micros();
        if ring.repository != repository || held.expires_at <= now {
            return None;
        }
        let standing = match ring.generation.checked_sub(held.generation) {
            // Once the window is closed there is nothing to move from.
            Some(0) if held.never_used && ring.until.is_some() => Standing::NeverUsed,
            Some(0) => Standing::Current,
            // The time itself closes the window, however late its end is recorded.
            Some(1) if ring.until.is_some_and(|until| now < until) => Standing::Older,
            _ => return None,
        };
        Some(Pass { kind: held.kind, standing })
    }

    fn ring(&mut self, repository: RepositoryId) -> (u32, &mut Ring) {
        let index = *self.by_repository.entry(repository).or_insert_with(|| {
            self.rings.push(Ring::new(repository));
            u32::try_from(self.rings.len() - 1).expect("a server has less than four billion repositories")
        });
        (index, &mut self.rings[index as usize])
    }
}

impl Ring {
    fn new(repository: RepositoryId) -> Self {
        let (current, older) = (Vec::new(), Vec::new());
        Self { repository, generation: 1, until: None, machines: 0, moved: 0, current, older }
    }

    fn window(&self) -> Option<OpenWindow> {
        let until = DateTime::from_timestamp_micros(self.until?)?;
        let Self { repository, generation, machines, moved, .. } = *self;
        Some(OpenWindow { repository, generation, until, every_machine_moved: machines > 0 && moved >= machines })
    }
}

impl Credentials {
    /// Authorizes the holder of this access key for this repository, if the key is valid at the time `now`.
    #[must_use]
    pub fn pass(
        &self,
        repository: RepositoryId,
        key: AccessKeyId,
        presented_sha256: &Sha256,
        now: DateTime<Utc>,
    ) -> Option<Pass> {
        self.live().access_keys.pass(repository, key, presented_sha256, now)
    }
}

impl Windows for Credentials {
    fn open(&self) -> Vec<OpenWindow> {
        self.live().access_keys.rings.iter().filter_map(Ring::window).collect()
    }

    fn closed(&self) -> Vec<ClosedWindow> {
        self.live().access_keys.sealed.clone()
    }

    fn wake(&self) -> watch::Receiver<u64> {
        self.windows.subscribe()
    }
}
