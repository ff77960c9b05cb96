//! User ids for builds: one for each job that runs, since the kernel counts processes by user id.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

/// The first of them. systemd's documentation (UIDS-GIDS.md) assigns 60578–61183 to no purpose.
pub(super) const FIRST_UID: u32 = 60_600;
/// The number of ids, which is also the limit of concurrent builds.
pub(super) const UIDS: u32 = 400;

/// The ids in use.
#[derive(Debug, Clone, Default)]
pub(super) struct Uids(Arc<Mutex<BTreeSet<u32>>>);

/// An id that no other job has until this is dropped.
#[derive(Debug)]
pub(super) struct Uid {
    pub(super) id: u32,
    pool: Uids,
}

impl Uids {
    /// The lowest free one.
    pub(super) fn take(&self) -> Option<Uid> {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = (FIRST_UID..FIRST_UID + UIDS).find(|id| !used.contains(id))?;
        used.insert(id);
        Some(Uid { id, pool: self.clone() })
    }
}

impl Drop for Uid {
    fn drop(&mut self) {
        self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
