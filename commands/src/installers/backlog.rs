//! What the log says of repositories and their installers, and which of them are to be looked at.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    digest::Sha256,
    event::{self, Event},
    ids::{EventId, RepositoryId},
    keyring,
    recorded::{RawEvent, Recorded},
    repository,
};
use tokio::time::Instant;
use tracing::warn;

use super::{InstallerOf, PublishedInstaller, PublishedInstallers};

/// A repository as its installer is made from it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) of: InstallerOf,
    /// Of its access keys.
    pub(super) generation: u32,
    /// The event that began it, or the repository.
    pub(super) because: EventId,
    /// The newest installer that is in it.
    pub(super) newest: Option<Newest>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Newest {
    pub(super) number: u32,
    pub(super) content: Sha256,
}

/// Every repository, and those whose installer may be outdated.
#[derive(Default)]
pub(super) struct Backlog {
    pub(super) known: BTreeMap<RepositoryId, Known>,
    due: BTreeMap<RepositoryId, Option<Instant>>,
}

impl Backlog {
    pub(super) const EVENT_NAMES: [&str; 4] =
        ["repository.created", "keyring.rolled", "keyring.grace_opened", "keyring.installer_published"];

    pub(super) fn fold(&mut self, recorded: Recorded<RawEvent>, published: &PublishedInstallers) {
        let repository = RepositoryId(recorded.stream.id());
        let event = match event::decode(&recorded.event) {
            Ok(event) => event,
            Err(cause) => {
                warn!(position = %recorded.position, error = %cause, "an event cannot be read and is passed over");
                return;
            }
        };
        match event {
            Event::Repository(repository::Event::Created { organisation, name, format, codename, .. }) => {
                let dated = recorded.metadata.recorded_at;
                let of = InstallerOf { repository, organisation, name, format, codename, dated };
                self.known.insert(repository, Known { of, generation: 1, because: recorded.event_id, newest: None });
            }
            Event::Keyring(
                keyring::Event::Rolled { generation, .. } | keyring::Event::GraceOpened { generation, .. },
            ) => {
                if let Some(known) = self.known.get_mut(&repository) {
                    (known.generation, known.because) = (generation, recorded.event_id);
                }
            }
            Event::Keyring(keyring::Event::InstallerPublished { number, content, .. }) => {
                if let Some(known) = self.known.get_mut(&repository) {
                    known.newest = Some(Newest { number, content });
                    published.set(repository, PublishedInstaller::Number(number), None);
                }
            }
            _ => return,
        }
        self.due.insert(repository, None);
    }

    /// All of them may be outdated: what machines trust has changed.
    pub(super) fn look_at_all(&mut self) {
        self.due.extend(self.known.keys().map(|repository| (*repository, None)));
    }

    /// Takes out those that are to be looked at now.
    pub(super) fn take_due(&mut self, now: Instant) -> BTreeSet<RepositoryId> {
        let due: BTreeSet<RepositoryId> = self
            .due
            .iter()
            .filter(|(_, at)| at.is_none_or(|at| at <= now))
            .map(|(repository, _)| *repository)
            .collect();
        self.due.retain(|repository, _| !due.contains(repository));
        due
    }

    pub(super) fn try_again(&mut self, repository: RepositoryId, at: Instant) {
        self.due.insert(repository, Some(at));
    }

    /// When the next of them is to be looked at.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.values().copied().min().map(|at| at.unwrap_or_else(Instant::now))
    }
}
