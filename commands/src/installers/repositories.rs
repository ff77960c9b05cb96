//! What the log says of repositories and their installers.

use domain::{
    digest::Sha256,
    event::Event,
    ids::{EventId, RepositoryId},
    keyring,
    recorded::Recorded,
    repository,
};
use serde::{Deserialize, Serialize};
use workers::{Items, Spec};

use super::{InstallerOf, PublishedInstaller, PublishedInstallers};

/// The only events that matter here.
const EVENT_NAMES: [&str; 4] =
    ["repository.created", "keyring.rolled", "keyring.grace_opened", "keyring.installer_published"];
/// To be raised when [`fold`] or [`Known`] change their meaning.
const FOLD_VERSION: u32 = 1;

/// A repository as its installer is made from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub(super) of: InstallerOf,
    /// Of its access keys.
    pub(super) generation: u32,
    /// The event that began it, or the repository.
    pub(super) because: EventId,
    /// The newest installer that is in it.
    pub(super) newest: Option<Newest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Newest {
    pub(super) number: u32,
    pub(super) content: Sha256,
}

/// A worker that folds the repositories.
pub(super) fn spec(name: &'static str) -> Spec {
    Spec::following(name, FOLD_VERSION, EVENT_NAMES)
}

pub(super) fn fold(
    recorded: &Recorded<Event>,
    items: &mut Items<RepositoryId, Known>,
    published: &PublishedInstallers,
) {
    let repository = RepositoryId(recorded.stream.id());
    match &recorded.event {
        Event::Repository(repository::Event::Created { organisation, name, format, codename, .. }) => {
            let of = InstallerOf {
                repository,
                organisation: organisation.clone(),
                name: name.clone(),
                format: *format,
                codename: codename.clone(),
                dated: recorded.metadata.recorded_at,
            };
            items.insert(repository, Known { of, generation: 1, because: recorded.event_id, newest: None });
        }
        Event::Keyring(keyring::Event::Rolled { generation, .. } | keyring::Event::GraceOpened { generation, .. }) => {
            items.update(&repository, |known| {
                (known.generation, known.because) = (*generation, recorded.event_id);
            });
        }
        Event::Keyring(keyring::Event::InstallerPublished { number, content, .. }) => {
            items.update(&repository, |known| known.newest = Some(Newest { number: *number, content: *content }));
            published.set(repository, PublishedInstaller::Number(*number), None);
        }
        _ => {}
    }
}

/// Tells `published` what was folded by another process.
pub(super) fn tell(items: &Items<RepositoryId, Known>, published: &PublishedInstallers) {
    for (repository, known) in items.iter() {
        if let Some(newest) = known.newest {
            published.set(*repository, PublishedInstaller::Number(newest.number), None);
        }
    }
}
