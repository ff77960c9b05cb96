//! What serving needs to know, and asks of the read models.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    ids::{AccessKeyId, RepositoryId},
    names::{OrganisationName, RepositoryName},
    package::Format,
    repository::{Point, YankReason},
};
use futures::future::BoxFuture;
use projections::credentials::Pass;
pub use projections::index::Located;

use crate::http::problem::Problem;

/// The read models behind package clients. The present is answered from memory.
pub trait RepositoryReads: Send + Sync {
    /// The repository of that name.
    fn find(&self, organisation: &OrganisationName, name: &RepositoryName) -> Option<Arc<ServedRepository>>;

    /// What the key is for, if it is one of the repository's and lives now. Compares in constant time, and does the same
    /// work for an unknown repository or key as for a known one.
    fn pass(&self, repository: RepositoryId, key: AccessKeyId, presented: &Sha256) -> Option<Pass>;

    /// The key was used to read an index, or to fetch a package. Never waits.
    fn used(&self, key: AccessKeyId, package: Option<Sha256>);

    /// A machine uses its renewed key, as it seems for the first time. Never waits.
    fn moved(&self, repository: RepositoryId, key: AccessKeyId);

    /// When the publication that `point` means was made; none if there is none.
    fn published_at<'a>(
        &'a self,
        repository: RepositoryId,
        point: &'a Point,
    ) -> BoxFuture<'a, Result<Option<DateTime<Utc>>, Problem>>;

    /// Why the package in that file is yanked, if it is.
    fn yanked(&self, repository: RepositoryId, sha256: &Sha256) -> Option<YankReason>;

    /// The file at `path` (decoded, without a leading slash) in the publication that `point` means.
    fn locate<'a>(
        &'a self,
        repository: RepositoryId,
        point: &'a Point,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Option<Located>, Problem>>;
}

/// A repository that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedRepository {
    /// Its identity.
    pub id: RepositoryId,
    /// Whose it is.
    pub organisation: OrganisationName,
    /// What it is called in URLs.
    pub name: RepositoryName,
    /// APT or YUM.
    pub format: Format,
    /// The APT suite: `dists/<codename>`.
    pub codename: String,
}
