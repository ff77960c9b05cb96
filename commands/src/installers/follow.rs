//! Which installers are in their repositories, on a server that makes none: read from the log.

use std::sync::Arc;

use domain::{event::Event, ids::RepositoryId, recorded::Recorded};
use workers::{Action, Items, Spec, Worker};

use super::{
    PublishedInstallers,
    repositories::{self, Known},
};

/// Keeps up to date what is published according to the log. Makes nothing.
pub struct FollowedInstallers(
    /// What is kept up to date.
    pub PublishedInstallers,
);

impl Worker for FollowedInstallers {
    type Key = RepositoryId;
    type Item = Known;

    fn spec(&self) -> Spec {
        repositories::spec("followed installers")
    }

    fn fold(&self, recorded: &Recorded<Event>, items: &mut Items<RepositoryId, Known>) {
        repositories::fold(recorded, items, &self.0);
    }

    fn look(&self, items: &mut Items<RepositoryId, Known>) {
        repositories::tell(items, &self.0);
    }

    fn act(self: Arc<Self>, _: &RepositoryId, _: &mut Items<RepositoryId, Known>) -> Option<Action> {
        None
    }
}
