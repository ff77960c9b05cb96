//! The next publication of each repository, as far as it can be made without a key.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{
    fingerprint::Fingerprint,
    ids::RepositoryId,
    package::Format,
    recorded::Revision,
    repository::{IndexFile, Stated},
};
use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::BoxError;

/// The rendered index of a repository's newest state. Every file it lists is in the blob store; its signed text is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Whose index it is.
    pub repository: RepositoryId,
    /// Deb: clear-signed and detached; rpm: detached.
    pub format: Format,
    /// The state: every fact of the repository's stream up to this revision.
    pub covers: Revision,
    /// The time of the newest fact that makes it differ from the last publication, or a second after that one if that is
    /// later; in whole seconds.
    /// After many publications in a short time this is in the future, where apt refuses it: sign when it is due.
    pub published_at: DateTime<Utc>,
    /// Where clients will find what is signed: `dists/<codename>/Release`, `repodata/repomd.xml`.
    pub signed_path: String,
    /// What is signed: the text of `Release` or `repomd.xml`.
    pub text: String,
    /// What the text lists.
    pub files: Vec<IndexFile>,
    /// The version of the code that rendered it.
    pub renderer: u32,
    /// What the text says beside the packages.
    pub stated: Stated,
}

/// Where candidates come from: the projected indexes.
pub trait Candidates: Send + Sync + 'static {
    /// The repositories whose newest state is not signed by exactly the keys with these full fingerprints.
    fn due(&self, signers: &BTreeSet<Fingerprint>) -> Vec<RepositoryId>;
    /// Whether `repository` is one of them. Costs the same however many there are.
    fn is_due(&self, repository: RepositoryId, signers: &BTreeSet<Fingerprint>) -> bool;
    /// The YUM repositories, and the last change of what each holds.
    fn yum(&self) -> Vec<(RepositoryId, Revision)>;
    /// Renders the newest state of `repository`. If it is published already, it is signed again because who signs changed
    /// at `signers_changed_at`.
    ///
    /// # Errors
    /// The repository is not projected, or its index cannot be rendered or stored.
    fn candidate(
        &self,
        repository: RepositoryId,
        signers_changed_at: DateTime<Utc>,
        stated: Stated,
    ) -> BoxFuture<'_, Result<Candidate, BoxError>>;
    /// Returns once clients see a publication of `repository` that is not older than `published_at`.
    fn promoted(&self, repository: RepositoryId, published_at: DateTime<Utc>) -> BoxFuture<'_, ()>;
    /// Changes whenever `due` or `yum` may have.
    fn wake(&self) -> watch::Receiver<u64>;
}
