//! Every repository's installer, as a package inside the repository itself: what keeps machines alive through rolls of
//! its access keys and rotations of the signing key.
//!
//! The package holds no key. It brings the certificates to trust and a script that asks the server, with the
//! credentials the machine has, which credentials to use from now on. Whenever the generation of the access keys or the
//! set of certificates changes, its content changes, and a new version is published: `apt upgrade` and `dnf upgrade`
//! then do the rest.

mod follow;
mod package;
mod publish;
mod published;
mod repositories;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc};

use domain::{event::Event, ids::RepositoryId, recorded::Recorded};
use event_log::{event_store::BoxError, execute::Executor};
use futures::{FutureExt as _, stream::BoxStream};
use stores::blobs::Blobs;
use workers::{Action, ActionError, Items, Next, Spec, Worker, on_change};

pub use self::{
    follow::FollowedInstallers,
    package::{Holds, InstallerOf, InstallerPackageError, pack},
    publish::PublishInstallerError,
    published::{PublishedInstaller, PublishedInstallers},
    repositories::Known,
};
use crate::signing_keys::SigningKeys;

/// The name under which the worker acts.
const WORKER: &str = "installers";
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

/// There is a row for each repository: what machines trust, and what a new version of this program makes of a script, may change
/// at any time, and then every installer is looked at.
impl Worker for InstallerPublisher {
    type Key = RepositoryId;
    type Item = Known;

    fn spec(&self) -> Spec {
        Spec { at_once_max: AT_ONCE_MAX, ..repositories::spec(WORKER) }
    }

    fn fold(&self, recorded: &Recorded<Event>, items: &mut Items<RepositoryId, Known>) {
        repositories::fold(recorded, items, &self.published);
    }

    /// All of them may be outdated: this is the start, or what machines trust has changed.
    fn look(&self, items: &mut Items<RepositoryId, Known>) {
        repositories::tell(items, &self.published);
        items.touch_all();
    }

    fn wake(&self) -> BoxStream<'static, ()> {
        on_change(self.keys.changes())
    }

    fn act(self: Arc<Self>, repository: &RepositoryId, items: &mut Items<RepositoryId, Known>) -> Option<Action> {
        let (repository, known) = (*repository, items.get(repository)?.clone());
        let publishing = async move {
            match self.bring_up_to_date(&known).await {
                Ok(()) => Ok(Next::Idle),
                Err(cause) => {
                    let InstallerOf { organisation, name, .. } = &known.of;
                    let what = format!("cannot publish the installer of {organisation}/{name} ({repository})");
                    Err(ActionError::new(what, cause))
                }
            }
        };
        Some(publishing.boxed())
    }
}
