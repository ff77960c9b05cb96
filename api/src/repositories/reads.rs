//! What serving needs to know, and asks of the read models.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    ids::{AccessKeyId, RepositoryId},
    names::{OrganisationName, RepositoryName},
    package::Format,
};
use futures::future::BoxFuture;

use super::point::Point;
use crate::http::problem::Problem;

/// The read models behind package clients. All but `locate` are answered from memory.
pub trait RepositoryReads: Send + Sync {
    /// The repository of that name.
    fn find(&self, organisation: &OrganisationName, name: &RepositoryName) -> Option<Arc<ServedRepository>>;

    /// Whether the key opens the repository now. Compares in constant time, and does the same work for an unknown
    /// repository or key as for a known one.
    fn opens(&self, repository: RepositoryId, key: AccessKeyId, presented: &Sha256) -> bool;

    /// When the newest publication was made; none if there is none yet.
    fn newest_point(&self, repository: RepositoryId) -> Option<DateTime<Utc>>;

    /// The file at `path` (decoded, without a leading slash) in the publication that was the newest at `point`.
    fn locate<'a>(
        &'a self,
        repository: RepositoryId,
        point: Point,
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

/// A file that a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Of the whole file.
    pub sha256: Sha256,
    /// Of the whole file.
    pub size_bytes: u64,
    /// When these bytes came to this path, in whole seconds; strictly increasing for a path whose bytes change.
    pub modified_at: DateTime<Utc>,
    /// Where its bytes are.
    pub stored: Stored,
}

/// Where a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// In the blob of the file's own digest.
    Blob,
    /// In these parts, one after the other.
    Rope(Arc<[Segment]>),
}

/// A part of a rope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A whole blob.
    Blob {
        /// The blob.
        sha256: Sha256,
        /// Its length.
        size_bytes: u64,
    },
    /// A few bytes, written out.
    Inline(Bytes),
}

impl Segment {
    /// Its length.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Blob { size_bytes, .. } => *size_bytes,
            Self::Inline(bytes) => bytes.len() as u64,
        }
    }
}
