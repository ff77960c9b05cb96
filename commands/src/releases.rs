//! The release pipeline: takes every accepted trigger to its end.
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

use std::{path::PathBuf, sync::Arc};

use building::{Builder, source::Git};
use domain::{
    event::Event,
    ids::{ReleaseId, RepositoryId},
    names::OrganisationName,
    package::Format,
    project::{self, Project},
    recorded::{Recorded, Revision},
};
use event_log::{
    event_store::BoxError,
    execute::{Context, Executor},
};
use futures::{FutureExt as _, future::BoxFuture};
use stores::{blobs::Blobs, secrets::Secrets};
use workers::{Action, ActionError, Items, Next, Spec, Worker};

use self::backlog::{Accepted, Key, Work};
pub use self::{configs::PACKAGES_MAX, job::live_log, slots::Slots};
use crate::signing_keys::SigningKeys;

/// The name under which the pipeline acts.
const WORKER: &str = "releases";

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
}

impl Worker for Pipeline {
    type Key = Key;
    type Item = Work;

    /// Releases wait for a build slot by themselves. One that is cancelled stops where it is.
    fn spec(&self) -> Spec {
        Spec {
            at_once_max: usize::MAX,
            stops_when_changed: true,
            ..Spec::following(WORKER, backlog::FOLD_VERSION, backlog::EVENT_NAMES)
        }
    }

    fn fold(&self, recorded: &Recorded<Event>, items: &mut Items<Key, Work>) {
        backlog::fold(recorded, items);
    }

    fn act(self: Arc<Self>, key: &Key, items: &mut Items<Key, Work>) -> Option<Action> {
        match (key, items.get(key)?.clone()) {
            (Key::Release(release), Work::Unfinished(accepted)) => {
                let release = *release;
                Some(async move { self.bring_to_an_end(release, &accepted).await }.boxed())
            }
            (Key::Release(release), Work::TagToFree(accepted)) => {
                let release = *release;
                Some(async move { self.free_tag(release, &accepted).await }.boxed())
            }
            (_, Work::SlotsSet) => {
                self.slots.look_again();
                items.remove(key);
                None
            }
            (Key::BuildSlots(_), _) => None,
        }
    }
}

impl Pipeline {
    async fn free_tag(&self, release: ReleaseId, accepted: &Accepted) -> Result<Next, ActionError> {
        let Accepted { project, tag, because, .. } = accepted;
        let command = project::Command::FreeTag { tag: tag.clone(), release };
        let context = Context::of_worker(WORKER, Some(*because));
        let freed = self.executor.execute::<Project>(project.0, command, &context).await;
        match freed {
            Ok(_) => Ok(Next::Done),
            Err(cause) => Err(ActionError::new(format!("cannot free the tag of release {release}"), cause)),
        }
    }
}
