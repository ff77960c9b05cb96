//! Dashboards: organisations, projects, repositories, and releases with their steps.

mod projector;
mod queries;
mod releases;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    ids::{OrganisationId, ProjectId, ReleaseId, RepositoryId},
    recorded::Position,
};
use sqlx::SqlitePool;

pub use self::{projector::BoardProjector, queries::PAGE_MAX};

/// The questions that dashboards ask. Cheap to clone.
#[derive(Clone)]
pub struct Board {
    readers: SqlitePool,
}

/// The read side and the projector that feeds it.
#[must_use]
pub fn board(readers: SqlitePool) -> (Board, BoardProjector) {
    (Board { readers }, BoardProjector)
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// What it is called in URLs.
    pub name: String,
    /// How many of its releases are built at the same time.
    pub build_slots: u16,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A connected code repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// The name of the organisation whose it is.
    pub organisation: String,
    /// What it is called in URLs.
    pub name: String,
    /// The git URL it is cloned from.
    pub source: String,
    /// How releases are asked for: `api_endpoint` or `github_webhook`.
    pub trigger: String,
    /// When.
    pub added_at: DateTime<Utc>,
}

/// A package repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its id.
    pub id: RepositoryId,
    /// The name of the organisation whose it is.
    pub organisation: String,
    /// What it is called in URLs.
    pub name: String,
    /// `deb` or `rpm`.
    pub format: String,
    /// The APT suite.
    pub codename: String,
    /// How many packages were added.
    pub packages: u64,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// One tag on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its id.
    pub id: ReleaseId,
    /// Where the next page of older releases starts.
    pub cursor: Position,
    /// The name of the organisation whose it is.
    pub organisation: String,
    /// Its project.
    pub project: ProjectId,
    /// The git tag.
    pub tag: String,
    /// What the packages are called by.
    pub version: String,
    /// `running`, `uploaded`, `failed` or `cancelled`.
    pub state: String,
    /// The step it has come to: `building`.
    pub step: String,
    /// The commit, once it is checked out.
    pub commit: Option<String>,
    /// When.
    pub received_at: DateTime<Utc>,
    /// When it was uploaded, failed or cancelled.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One step that a release has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseStep {
    /// `building`.
    pub step: String,
    /// `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// When.
    pub started_at: DateTime<Utc>,
    /// When.
    pub ended_at: Option<DateTime<Utc>>,
    /// What went wrong, in one stable word.
    pub code: Option<String>,
    /// What went wrong, for people.
    pub message: Option<String>,
    /// The log of what went wrong, in the blob store.
    pub log: Option<Sha256>,
}

/// One package of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasePackage {
    /// Its config file.
    pub config: String,
    /// Its name.
    pub name: String,
    /// `deb` or `rpm`.
    pub format: String,
    /// What it is for.
    pub architecture: String,
    /// What it is built on, as the config says.
    pub distribution: String,
    /// What it is built on, in words, once its sandbox stands.
    pub root: Option<String>,
    /// The package file, once it is built.
    pub file_name: Option<String>,
    /// The package file's digest: of what clients get, once that is ready.
    pub sha256: Option<Sha256>,
    /// The package file's length.
    pub size_bytes: Option<u64>,
    /// The build's log, in the blob store.
    pub log: Option<Sha256>,
    /// Where it was uploaded to.
    pub repository: Option<RepositoryId>,
}
