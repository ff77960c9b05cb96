//! The release pipeline: follows the log, and takes every accepted trigger to its end.
//!
//! Nothing here remembers how far a release has come: that is in its events. A release that a crash interrupted is
//! taken up again from its last recorded step.

mod backlog;
mod build;
mod check_out;
mod configs;
mod failure;
mod job;
mod ready;
mod run;
mod slots;
#[cfg(test)]
mod tests;
mod upload;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{
    ids::{ReleaseId, RepositoryId},
    names::OrganisationName,
    package::Format,
    project::{self, Project},
    recorded::{Position, Revision},
};
use futures::future::BoxFuture;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use self::backlog::{Accepted, Backlog};
pub use self::{configs::PACKAGES_MAX, job::live_log, slots::Slots};
use building::{Builder, source::Git};
use domain::error_chain::ErrorChain;
use event_log::{
    event_store::{BoxError, Filter, Follower},
    execute::{Context, Executor},
};
use stores::{blobs::Blobs, secrets::Secrets};

use crate::signing_keys::SigningKeys;

/// The name under which the pipeline acts.
const WORKER: &str = "releases";
/// How long to wait before a release that the log interrupted is taken up again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What the pipeline asks the projected repositories.
pub trait Repositories: Send + Sync + 'static {
    /// The organisation's repositories that take packages of `format`.
    fn of<'a>(
        &'a self,
        organisation: &'a OrganisationName,
        format: Format,
    ) -> BoxFuture<'a, Result<Vec<RepositoryId>, BoxError>>;
    /// Returns once clients of `repository` see its state at `revision`.
    fn published(&self, repository: RepositoryId, revision: Revision) -> BoxFuture<'_, ()>;
}

/// Everything a release needs on its way.
pub struct Pipeline {
    /// Where events are recorded.
    pub executor: Arc<Executor>,
    /// Where packages and logs are stored.
    pub blobs: Blobs,
    /// Where the deploy keys of projects are sealed.
    pub secrets: Arc<Secrets>,
    /// Fetches code.
    pub git: Git,
    /// Runs builds.
    pub builder: Arc<Builder>,
    /// Signs rpms.
    pub keys: SigningKeys,
    /// Who may build now.
    pub slots: Arc<Slots>,
    /// Where packages go.
    pub repositories: Arc<dyn Repositories>,
    /// A folder in which each running release has one of its own.
    pub jobs: PathBuf,
    /// The releases that run in this process.
    pub running: Running,
}

/// The releases that run in this process, and how to stop each.
#[derive(Default)]
pub struct Running(Mutex<BTreeMap<ReleaseId, CancellationToken>>);

impl Running {
    fn start(&self, release: ReleaseId) -> Option<CancellationToken> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match running.entry(release) {
            std::collections::btree_map::Entry::Occupied(_) => None,
            std::collections::btree_map::Entry::Vacant(free) => Some(free.insert(CancellationToken::new()).clone()),
        }
    }

    fn stop(&self, release: ReleaseId) {
        if let Some(token) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&release) {
            token.cancel();
        }
    }

    /// Forgets the releases that have ended.
    fn retain(&self, unfinished: &BTreeMap<ReleaseId, Accepted>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|release, _| unfinished.contains_key(release));
    }
}

impl Pipeline {
    /// Follows the log for ever. Dropping the future stops every release where it is; the next start takes it up again.
    pub async fn run(self: Arc<Self>) {
        let mut follower =
            Follower::new(self.executor.store().clone(), Position(0), Filter::names(Backlog::EVENT_NAMES));
        let mut backlog = Backlog::default();
        let mut has_news = false;
        let mut tasks = tokio::task::JoinSet::new();
        loop {
            let next = follower.next_page();
            // What could not be freed is tried again, whether the log goes on or not.
            let page = if backlog.to_free.is_empty() { Ok(next.await) } else { timeout(RETRY_AFTER, next).await };
            match page {
                Ok(Ok(page)) => {
                    has_news |= !page.events.is_empty();
                    for recorded in page.events {
                        backlog.fold(recorded);
                    }
                    // Before the end of the log, a release that looks unfinished may well have ended. And most events
                    // are of no interest here.
                    if page.next < page.head || !has_news {
                        continue;
                    }
                }
                Ok(Err(cause)) => {
                    error!(error = %ErrorChain(&cause), "cannot follow the log");
                    tokio::time::sleep(RETRY_AFTER).await;
                    continue;
                }
                // Nothing may be judged before the end of the log was seen once.
                Err(_elapsed) if has_news => continue,
                Err(_elapsed) => {}
            }
            has_news = false;
            while let Some(ended) = tasks.try_join_next() {
                if let Err(cause) = ended {
                    error!(error = %ErrorChain(&cause), "a release broke off");
                }
            }
            for (release, accepted) in &backlog.to_free {
                self.running.stop(*release);
                self.free_tag(*release, accepted).await;
            }
            for (release, accepted) in &backlog.unfinished {
                let (release, Some(token)) = (*release, self.running.start(*release)) else { continue };
                let (pipeline, accepted) = (self.clone(), accepted.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = pipeline.bring_to_an_end(release, &accepted) => {}
                        () = token.cancelled() => info!(release.id = %release, "release {release} was stopped"),
                    }
                });
            }
            self.running.retain(&backlog.unfinished);
            if std::mem::take(&mut backlog.slots_set) {
                self.slots.look_again();
            }
        }
    }

    async fn free_tag(&self, release: ReleaseId, Accepted { project, tag, because, .. }: &Accepted) {
        let command = project::Command::FreeTag { tag: tag.clone(), release };
        let context = Context::of_worker(WORKER, Some(*because));
        let freed = self.executor.execute::<Project>(project.0, command, &context).await;
        if let Err(cause) = freed {
            error!(release.id = %release, error = %ErrorChain(&cause), "cannot free the tag of release {release}");
        }
    }
}
