//! Every repository's installer, as a package inside the repository itself: what keeps machines alive through rolls of
//! its access keys and rotations of the signing key.
//!
//! The package holds no key. It brings the certificates to trust and a script that asks the server, with the
//! credentials the machine has, which credentials to use from now on. Whenever the generation of the access keys or the
//! set of certificates changes, its content changes, and a new version is published: `apt upgrade` and `dnf upgrade`
//! then do the rest.

mod backlog;
mod follow;
mod package;
mod publish;
mod published;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc, time::Duration};

use domain::recorded::Position;
use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::time::Instant;
use tracing::error;

use self::backlog::Backlog;
pub use self::{
    follow::follow_published,
    package::{Holds, InstallerOf, InstallerPackageError, pack},
    publish::PublishInstallerError,
    published::{PublishedInstaller, PublishedInstallers},
};
use domain::error_chain::ErrorChain;
use event_log::{
    event_store::{BoxError, Filter, Follower},
    execute::Executor,
};
use stores::blobs::Blobs;

use crate::signing_keys::SigningKeys;

/// The name under which the worker acts.
const WORKER: &str = "installers";
/// How long to wait before a failed installer is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Installers that are made at the same time. Each takes a processor for some milliseconds.
const AT_ONCE_MAX: usize = 2;

/// Who writes the script.
pub trait InstallerScripts: Send + Sync + 'static {
    /// The script without a key, for machines that have one of this generation. The same arguments and the same
    /// certificates give the same script.
    ///
    /// # Errors
    /// What cannot stand in a script.
    fn script(&self, of: &InstallerOf, generation: u32) -> Result<String, BoxError>;
}

/// Puts an up-to-date installer into every repository, for ever.
pub struct InstallerPublisher {
    /// Where events are recorded.
    pub executor: Arc<Executor>,
    /// Where the packages are stored.
    pub blobs: Blobs,
    /// Sign rpms; their certificates are what the scripts bring.
    pub keys: SigningKeys,
    /// Writes the scripts.
    pub scripts: Arc<dyn InstallerScripts>,
    /// Tells everyone what is published.
    pub published: PublishedInstallers,
    /// A folder for packages in the making, which only this user can read.
    pub folder: PathBuf,
}

impl InstallerPublisher {
    /// Follows the log until it is dropped. What a crash interrupted is found outdated at the next start.
    pub async fn run(self) {
        let filter = Filter::names(Backlog::EVENT_NAMES);
        let mut follower = Follower::new(self.executor.store().clone(), Position(0), filter);
        let mut trusted = self.keys.trusted();
        let mut backlog = Backlog::default();
        let mut is_at_end = false;
        loop {
            tokio::select! {
                page = follower.next_page() => match page {
                    Ok(page) => {
                        is_at_end = page.next >= page.head;
                        for recorded in page.events {
                            backlog.fold(recorded, &self.published);
                        }
                    }
                    Err(cause) => {
                        error!(error = %ErrorChain(&cause), "cannot follow the log");
                        tokio::time::sleep(RETRY_AFTER).await;
                    }
                },
                () = trusted.changed() => backlog.look_at_all(),
                () = at(backlog.next_due()), if is_at_end => {}
            }
            // Before the end of the log, an installer that looks outdated may well have been published.
            if is_at_end {
                self.publish_due(&mut backlog).await;
            }
        }
    }

    async fn publish_due(&self, backlog: &mut Backlog) {
        let due = backlog.take_due(Instant::now());
        let due = due.into_iter().filter_map(|repository| backlog.known.get(&repository).cloned()).collect::<Vec<_>>();
        let mut outcomes = stream::iter(due)
            .map(|known| {
                let of = known.of.clone();
                async move { self.bring_up_to_date(&known).await }.map(move |outcome| (of, outcome))
            })
            .buffer_unordered(AT_ONCE_MAX);
        while let Some((of, outcome)) = outcomes.next().await {
            if let Err(cause) = outcome {
                let repository = of.repository;
                error!(
                    repository.id = %repository,
                    error = %ErrorChain(&cause),
                    "cannot publish the installer of {}/{}", of.organisation, of.name
                );
                backlog.try_again(repository, Instant::now() + RETRY_AFTER);
            }
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
