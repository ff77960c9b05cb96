//! When each row is acted on, and what runs now. It has no clock: the time is an argument.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::{
    task::{AbortHandle, Id},
    time::Instant,
};

/// The keys that are due, wait for a time, or are being acted on. A key that is idle and did not fail is not in it.
pub(super) struct Schedule<K> {
    entries: BTreeMap<K, Entry>,
    /// Those that wait for a time, in its order.
    queue: BTreeSet<(Instant, K)>,
    running: BTreeMap<Id, K>,
    failing: usize,
}

#[derive(Default)]
struct Entry {
    due: Option<Instant>,
    /// In a row.
    failures: u32,
    action: Option<AbortHandle>,
    /// Act once more when the action has ended.
    again: bool,
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// There is nothing more to do.
    Done,
    /// There is nothing more to do for now.
    Well,
    /// Act again at this time.
    Until(Instant),
    /// Act again after the wait that [`Schedule::ended`] asks for.
    Failed,
    /// It was stopped, to begin again.
    Stopped,
}

impl<K: Ord + Clone> Schedule<K> {
    pub(super) fn new() -> Self {
        Self { entries: BTreeMap::new(), queue: BTreeSet::new(), running: BTreeMap::new(), failing: 0 }
    }

    /// `key` is to be acted on now, or after the action that runs.
    pub(super) fn touch(&mut self, key: &K, now: Instant) {
        let entry = self.entries.entry(key.clone()).or_default();
        if entry.action.is_some() {
            entry.again = true;
        } else {
            self.set_due(key, Some(now));
        }
    }

    /// An action that runs for `key` is repeated.
    pub(super) fn repeat(&mut self, key: &K) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.again |= entry.action.is_some();
        }
    }

    /// Drops the action that runs for `key`.
    pub(super) fn stop(&self, key: &K) {
        if let Some(action) = self.entries.get(key).and_then(|entry| entry.action.as_ref()) {
            action.abort();
        }
    }

    /// Takes out the key that has been due for longest.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<K> {
        let key = self.queue.first().filter(|(due, _)| *due <= now).map(|(_, key)| key.clone())?;
        self.set_due(&key, None);
        Some(key)
    }

    /// When the next key is due.
    pub(super) fn earliest(&self) -> Option<Instant> {
        self.queue.first().map(|(due, _)| *due)
    }

    pub(super) fn started(&mut self, key: K, action: AbortHandle) {
        self.running.insert(action.id(), key.clone());
        let entry = self.entries.entry(key).or_default();
        (entry.action, entry.again) = (Some(action), false);
    }

    /// There is nothing to do for a key that was taken out.
    pub(super) fn forget(&mut self, key: &K) {
        if self.entries.get(key).is_some_and(|entry| entry.action.is_none()) {
            self.remove(key);
        }
    }

    /// Whose action has ended, and whether it is to be acted on again at once.
    pub(super) fn owner(&mut self, action: Id) -> Option<(K, bool)> {
        let key = self.running.remove(&action)?;
        let entry = self.entries.get_mut(&key)?;
        entry.action = None;
        let again = std::mem::take(&mut entry.again);
        Some((key, again))
    }

    /// An action for `key` has ended. `wait` says how long to wait after so many failures in a row.
    pub(super) fn ended(&mut self, key: &K, how: Ended, again: bool, now: Instant, wait: impl FnOnce(u32) -> Duration) {
        let failures = match how {
            Ended::Failed => self.failures(key).saturating_add(1),
            Ended::Stopped => self.failures(key),
            Ended::Done | Ended::Well | Ended::Until(_) => 0,
        };
        let due = match how {
            Ended::Failed => Some(now + wait(failures)),
            Ended::Stopped => Some(now),
            Ended::Done | Ended::Well | Ended::Until(_) if again => Some(now),
            Ended::Until(at) => Some(at),
            Ended::Done | Ended::Well => None,
        };
        self.remove(key);
        if due.is_some() {
            self.failing += usize::from(failures > 0);
            self.entries.insert(key.clone(), Entry { failures, ..Entry::default() });
            self.set_due(key, due);
        }
    }

    /// How many keys failed the last time.
    pub(super) fn failing(&self) -> usize {
        self.failing
    }

    fn failures(&self, key: &K) -> u32 {
        self.entries.get(key).map_or(0, |entry| entry.failures)
    }

    fn remove(&mut self, key: &K) {
        self.set_due(key, None);
        if self.entries.remove(key).is_some_and(|entry| entry.failures > 0) {
            self.failing -= 1;
        }
    }

    fn set_due(&mut self, key: &K, due: Option<Instant>) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if let Some(before) = std::mem::replace(&mut entry.due, due) {
            self.queue.remove(&(before, key.clone()));
        }
        if let Some(due) = due {
            self.queue.insert((due, key.clone()));
        }
    }
}
