//! Placeholder: versions.
use crate::names::TagName;
use serde::{Deserialize, Serialize};

/// What a release's packages are called by, in both formats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReleaseVersion(String);

/// A tag that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a version")]
pub struct InvalidVersion;

impl ReleaseVersion {
    /// The version that `tag` names.
    pub fn from_tag(tag: &TagName) -> Result<Self, InvalidVersion> {
        Ok(Self(tag.as_str().trim_start_matches('v').to_owned()))
    }
}
