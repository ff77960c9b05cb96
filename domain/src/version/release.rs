//! The version a git tag gives to its packages.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::InvalidVersion;
use crate::names::TagName;

/// Longest version of a release: it becomes part of a package's file name.
pub(crate) const RELEASE_VERSION_MAX_CHARS: usize = 64;

const EXPECTED_TAG: &str =
    "at most 64 letters and digits joined by single . + or -, a digit first after an optional v, such as v1.2.3-rc1";
const EXPECTED_VERSION: &str =
    "at most 64 letters and digits joined by single . + or ~, a digit first, such as 1.2.3~rc1";

/// An upstream version that dpkg and rpm both accept, and order alike around a pre-release.
///
/// It is a tag without a leading `v`, in which the first `-` became `~` and every later `-` became `.`:
///
/// - `v1.2.3-rc1` → `1.2.3~rc1`: a pre-release, older than `1.2.3` in both formats (semver's meaning of the first `-`).
/// - `1.2.3-beta-2` → `1.2.3~beta.2`: rpm forbids every `-`, a deb would take the last one for its revision.
/// - `1.2.3+build.5` stays: build metadata is newer than `1.2.3` in both formats. A `-` after the `+` becomes `.`.
/// - `1_2_3` is refused: a deb forbids `_`, and no replacement has the same order in both formats.
/// - `^` is rpm's alone and git forbids it in tags; so is `~`, which therefore always comes from a `-`.
/// - `release/1.2.3` is refused: whether `release/` belongs to the version would be a guess.
///
/// Tags that differ only in these characters, such as `1.0-a-b` and `1.0-a.b`, give the same version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ReleaseVersion(String);

impl ReleaseVersion {
    /// The version that `tag` names.
    ///
    /// # Errors
    /// `InvalidVersion` if it is not a version that both formats accept.
    pub fn from_tag(tag: &TagName) -> Result<Self, InvalidVersion> {
        let tag = tag.as_str();
        let invalid = || InvalidVersion::new(tag, "a tag with a version", EXPECTED_TAG);
        let version = tag.strip_prefix('v').unwrap_or(tag);
        let (public, build) = match version.find('+') {
            Some(plus) => version.split_at(plus),
            None => (version, ""),
        };
        let mapped = format!("{}{}", public.replacen('-', "~", 1), build).replace('-', ".");
        if valid(&mapped) { Ok(Self(mapped)) } else { Err(invalid()) }
    }

    /// `1.2.3~rc1`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `Version` of a deb: no epoch and no revision, because the upstream version alone distinguishes releases.
    #[must_use]
    pub fn deb_version(&self) -> &str {
        &self.0
    }

    /// The `Version` tag of an rpm, whose `Release` is a separate number.
    #[must_use]
    pub fn rpm_version(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReleaseVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ReleaseVersion {
    type Err = InvalidVersion;

    /// Reads back what [`ReleaseVersion::as_str`] wrote; a tag's `-` is refused here.
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        if valid(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidVersion::new(text, "a release's version", EXPECTED_VERSION))
        }
    }
}

impl<'de> Deserialize<'de> for ReleaseVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Single separators only: rpm refuses `..`, and `1.0-` or `1.+5` is a slip of the hand.
fn valid(text: &str) -> bool {
    text.len() <= RELEASE_VERSION_MAX_CHARS
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.matches('~').count() <= 1
        && text.split(['.', '+', '~']).all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}
