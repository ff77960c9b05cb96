//! One package to build, and the tree that it becomes.

use std::{fmt, path::Path};

use chrono::{DateTime, Utc};
use domain::{config::PackageConfig, names::TagName, project::CommitId};
use formats::packaging::tree::PackageTree;

use super::{layers::Layers, uids::Uid};

/// One package to build.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// What and how.
    pub config: &'a PackageConfig,
    /// The tag's code, as [`crate::source`] left it. It is only read.
    pub checkout: &'a Path,
    /// The commit it is; `PKGDEPLOY_COMMIT` in the build.
    pub commit: &'a CommitId,
    /// The package's version; `PKGDEPLOY_VERSION`.
    pub version: &'a str,
    /// The tag; `PKGDEPLOY_TAG`.
    pub tag: &'a TagName,
    /// The commit's time; `SOURCE_DATE_EPOCH`.
    pub source_date: DateTime<Utc>,
    /// The log that is appended to while the build runs.
    pub log: &'a Path,
}

/// A built package's tree. Its files can be read until this is dropped.
pub struct BuiltTree {
    /// What the package installs.
    pub tree: PackageTree,
    pub(super) _layers: Layers,
    pub(super) _uid: Uid,
}

impl fmt::Debug for BuiltTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuiltTree").field("tree", &self.tree).finish_non_exhaustive()
    }
}
