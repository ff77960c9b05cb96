//! Snapshots: permanent names of publications.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Event, Refusal, Repository};
use crate::{names::SnapshotName, weight::of_entries};

/// Most names that the publications of one repository can have been given.
pub const NAMES_MAX: usize = 10_000;

/// Which publications there are, and what they were called.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshots {
    /// Seconds since 1970, in order.
    published: Vec<i64>,
    named: BTreeMap<SnapshotName, Named>,
}

/// What a name was given to.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    published_at: DateTime<Utc>,
    is_removed: bool,
}

impl Snapshots {
    pub(super) fn weight_bytes(&self) -> usize {
        size_of_val(&*self.published) + of_entries::<SnapshotName, Named>(self.named.len(), 1)
    }

    /// There is one more publication, later than all others.
    pub(super) fn published(&mut self, at: DateTime<Utc>) {
        self.published.push(at.timestamp());
    }

    pub(super) fn taken(&mut self, name: SnapshotName, published_at: DateTime<Utc>) {
        self.named.insert(name, Named { published_at, is_removed: false });
    }

    pub(super) fn removed(&mut self, name: &SnapshotName) {
        if let Some(named) = self.named.get_mut(name) {
            named.is_removed = true;
        }
    }
}

pub(super) fn take(
    repository: &Repository,
    name: SnapshotName,
    published_at: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let Snapshots { published, named } = &repository.snapshots;
    if published.binary_search(&published_at.timestamp()).is_err() {
        return Err(Refusal::NotPublished(published_at));
    }
    match named.get(&name) {
        Some(given) if given.published_at != published_at => {
            Err(Refusal::SnapshotNameTaken { name, published_at: given.published_at })
        }
        Some(Named { is_removed: false, .. }) => Ok(vec![]),
        None if named.len() >= NAMES_MAX => Err(Refusal::TooManySnapshots),
        Some(_) | None => Ok(vec![Event::SnapshotTaken { name, published_at }]),
    }
}

pub(super) fn remove(repository: &Repository, name: SnapshotName) -> Result<Vec<Event>, Refusal> {
    match repository.snapshots.named.get(&name) {
        None => Err(Refusal::NoSuchSnapshot(name)),
        Some(Named { is_removed: true, .. }) => Ok(vec![]),
        Some(_) => Ok(vec![Event::SnapshotRemoved { name }]),
    }
}
