//! Dashboards: organisations, projects, repositories, and releases with their steps.

mod listed;
mod projector;
mod projects;
mod queries;
mod release_rows;
mod releases;
#[cfg(test)]
mod tests;
mod triggers;

use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    ids::{OrganisationId, ProjectId, ReleaseId, RepositoryId, SecretId},
    package::Format,
    project::{CiTrust, Github, TagPattern, Trigger},
    recorded::Position,
    release::Step,
    repository::YankPolicy,
};
use sqlx::SqlitePool;

pub use self::{
    projector::DashboardProjector,
    queries::PAGE_MAX,
    triggers::{DELIVERIES_KEPT_MAX, Delivery, RefusedTriggers},
};

/// The projector's name: in checkpoints, and to wait for.
pub const DASHBOARD: &str = "dashboard";

/// The questions that dashboards ask. Cheap to clone.
#[derive(Clone)]
pub struct Dashboard {
    readers: SqlitePool,
}

/// The read side and the projector that feeds it.
#[must_use]
pub fn dashboard(readers: SqlitePool) -> (Dashboard, DashboardProjector) {
    (Dashboard { readers }, DashboardProjector::default())
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
    /// How releases are asked for.
    pub trigger: Trigger,
    /// Which tags webhooks release.
    pub tag_pattern: TagPattern,
    /// The CI jobs that get a token for a proof of their identity.
    pub ci_trust: Option<CiTrust>,
    /// What it has at GitHub, connected or not; without what was reported there.
    pub github: Option<Github>,
    /// The newest sealed secret of its webhook.
    pub webhook_secret: Option<SecretId>,
    /// When.
    pub added_at: DateTime<Utc>,
}

impl Project {
    /// What it has at GitHub, if it is connected.
    #[must_use]
    pub fn connected(&self) -> Option<&Github> {
        self.github.as_ref().filter(|github| github.is_connected)
    }

    /// Whether GitHub has a webhook that signs with the secret that counts.
    #[must_use]
    pub fn has_webhook(&self) -> bool {
        self.connected().is_some_and(|github| {
            let live = github.live_webhook_secret(self.trigger, self.webhook_secret);
            live.is_some_and(|live| github.has_webhook(live))
        })
    }
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
    /// What it holds.
    pub format: Format,
    /// The APT suite.
    pub codename: String,
    /// How many packages it holds, hidden ones not counted.
    pub packages: u64,
    /// What the next yank does.
    pub yank_policy: YankPolicy,
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
    /// Its state.
    pub state: ReleaseState,
    /// The step it has reached.
    pub step: Step,
    /// The commit, once it is checked out.
    pub commit: Option<String>,
    /// When.
    pub received_at: DateTime<Utc>,
    /// When it was uploaded, failed or cancelled.
    pub finished_at: Option<DateTime<Utc>>,
}

/// The state of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseState {
    /// It is in progress.
    Running,
    /// Its packages can be installed.
    Uploaded,
    /// It failed and will not be published.
    Failed,
    /// It was stopped.
    Cancelled,
}

impl ReleaseState {
    /// The word in URLs, rows and JSON: `running`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Uploaded => "uploaded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The text names no state of a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a release state that this version of pkgdeploy knows")]
pub struct InvalidState(String);

impl FromStr for ReleaseState {
    type Err = InvalidState;
    fn from_str(text: &str) -> Result<Self, InvalidState> {
        let all = [Self::Running, Self::Uploaded, Self::Failed, Self::Cancelled];
        all.into_iter().find(|state| state.as_str() == text).ok_or_else(|| InvalidState(text.to_owned()))
    }
}

/// One step that a release has reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseStep {
    /// Which.
    pub step: Step,
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
    /// Deb or rpm.
    pub format: Format,
    /// What it is for.
    pub architecture: String,
    /// What it is built on, as the config says.
    pub distribution: String,
    /// A description of the system it is built on, once its sandbox is ready.
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

/// One package in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPackage {
    /// Its file's name.
    pub file_name: String,
    /// Its name.
    pub name: String,
    /// Its version, as its package manager writes it.
    pub version: String,
    /// In the format's own word.
    pub architecture: String,
    /// Its file's digest.
    pub sha256: Sha256,
    /// Its file's length.
    pub size_bytes: u64,
    /// The release that built it; none if it was uploaded.
    pub release: Option<ReleaseId>,
    /// When.
    pub added_at: DateTime<Utc>,
    /// Why it is yanked, if it is.
    pub yank_reason: Option<String>,
    /// It is yanked, and not in the newest publications.
    pub is_hidden: bool,
}
