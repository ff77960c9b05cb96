//! Which installer lies in which repository, for everyone who hands one out.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::{ids::RepositoryId, recorded::Revision};
use tokio::{sync::watch, time::timeout};

/// What became of a repository's installer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishedInstaller {
    /// The newest has this number.
    Number(u32),
    /// There cannot be one: the names are too long for a package.
    Impossible,
}

/// The installers that are in their repositories. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PublishedInstallers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    known: RwLock<BTreeMap<RepositoryId, Known>>,
    changes: watch::Sender<()>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    installer: PublishedInstaller,
    /// The repository's state that has it, if this process put it there.
    revision: Option<Revision>,
}

impl Default for PublishedInstallers {
    fn default() -> Self {
        Self(Arc::new(Inner { known: RwLock::default(), changes: watch::Sender::new(()) }))
    }
}

impl PublishedInstallers {
    /// The number of the newest installer in the repository; 0 before there is one, and where there cannot be any.
    #[must_use]
    pub fn newest(&self, repository: RepositoryId) -> u32 {
        match self.known(repository).map(|known| known.installer) {
            Some(PublishedInstaller::Number(number)) => number,
            Some(PublishedInstaller::Impossible) | None => 0,
        }
    }

    /// Waits until the repository's first installer is in it, and says in which of its states; `None` if there will not
    /// be one, or if it was there before this process began. Gives up after `limit`.
    pub async fn first(&self, repository: RepositoryId, limit: Duration) -> Option<Revision> {
        let mut changes = self.0.changes.subscribe();
        let published = async {
            loop {
                changes.mark_unchanged();
                if let Some(known) = self.known(repository) {
                    return known.revision;
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        timeout(limit, published).await.ok().flatten()
    }

    pub(super) fn set(&self, repository: RepositoryId, installer: PublishedInstaller, revision: Option<Revision>) {
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        let revision = revision.or_else(|| known.get(&repository)?.revision);
        known.insert(repository, Known { installer, revision });
        drop(known);
        self.0.changes.send_replace(());
    }

    fn known(&self, repository: RepositoryId) -> Option<Known> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner).get(&repository).copied()
    }
}
