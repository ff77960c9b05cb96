//! The events of a release.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Step;
use crate::{
    config::Architecture,
    digest::Sha256,
    fingerprint::Fingerprint,
    ids::{ProjectId, RepositoryId},
    names::{OrganisationName, PackageName, TagName},
    package::{Format, Package},
    project::CommitId,
    version::ReleaseVersion,
};

/// What can have happened to a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A trigger asked for it.
    Received {
        /// The organisation of its project.
        organisation: OrganisationName,
        /// The project.
        project: ProjectId,
        /// The git tag.
        tag: TagName,
        /// What the packages are called by.
        version: ReleaseVersion,
    },
    /// It may be built: fewer releases of the organisation are building than it has slots.
    BuildSlotGranted,
    /// The tag was fetched. Every later step builds this commit, whatever happens to the tag.
    CodeCheckedOut {
        /// The full object name.
        commit: CommitId,
        /// The committer's time: `SOURCE_DATE_EPOCH` of the build.
        committed_at: DateTime<Utc>,
    },
    /// Every config file is good, and each package has a repository to go to.
    ConfigValidated {
        /// One for each config file.
        packages: Vec<PlannedPackage>,
    },
    /// A sandbox is ready, with the build requirements installed.
    BuildSetUp {
        /// The package's config file.
        config: String,
        /// A description of the system it is built on: `rootfs debian12` or why it is the host's own root.
        root: String,
    },
    /// The package file exists in the blob store, not signed yet.
    PackageBuilt {
        /// The package's config file.
        config: String,
        /// The result.
        built: BuiltPackage,
    },
    /// The file that clients will get exists in the blob store. An rpm's header is signed; a deb is what was built.
    PackageReady {
        /// The package's config file.
        config: String,
        /// The file and the facts in it.
        package: Package,
        /// The key that signed it, full fingerprint; none for a deb.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key_fingerprint: Option<Fingerprint>,
    },
    /// The package is in the repository.
    PackageUploaded {
        /// The package's config file.
        config: String,
        /// The repository.
        repository: RepositoryId,
    },
    /// Every package can be installed: signed indexes name them.
    Uploaded,
    /// It will not be made.
    Failed {
        /// Where it stopped.
        step: Step,
        /// The stable code of the failure: `command_failed`.
        code: String,
        /// What went wrong, for people.
        message: String,
        /// The build's log, in the blob store.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<Sha256>,
    },
    /// It was stopped.
    Cancelled,
}

/// What a config file promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPackage {
    /// The config file: `.pkgdeploy/config-deb.yml`.
    pub config: String,
    /// The package's name.
    pub name: PackageName,
    /// Deb or rpm.
    pub format: Format,
    /// What it is for.
    pub architecture: Architecture,
    /// What it is built on.
    pub distribution: String,
}

/// The result of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltPackage {
    /// `name_1.2.3_amd64.deb`.
    pub file_name: String,
    /// The blob.
    pub sha256: Sha256,
    /// The blob's length.
    pub size_bytes: u64,
    /// The build's log, in the blob store.
    pub log: Sha256,
}
