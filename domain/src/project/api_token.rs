//! An API token: its name, its scopes, and the CI job it was issued to.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{digest::Sha256, names::ProjectName};

/// The one thing an API token may do, or one of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Ask for releases.
    Release,
    /// Read where the project's releases stand, and their logs.
    Read,
}

impl Scope {
    /// The name in URLs, rows and JSON: `release`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Read => "read",
        }
    }
}

/// Everything an API token may do. Never nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<Scope>);

/// The text or list names no scopes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not valid scopes of an API token: expected release, read, or both")]
pub struct InvalidScopes;

impl Scopes {
    /// These.
    ///
    /// # Errors
    /// There are no scopes.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, InvalidScopes> {
        let scopes: BTreeSet<Scope> = scopes.into_iter().collect();
        if scopes.is_empty() { Err(InvalidScopes) } else { Ok(Self(scopes)) }
    }

    /// Only to trigger releases.
    #[must_use]
    pub fn release() -> Self {
        Self(BTreeSet::from([Scope::Release]))
    }

    /// Is `scope` one of them?
    #[must_use]
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }

    pub(super) fn are_all(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Scopes {
    /// All: what tokens could do before there were scopes.
    fn default() -> Self {
        Self(BTreeSet::from([Scope::Release, Scope::Read]))
    }
}

impl fmt::Display for Scopes {
    /// `release,read`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&words.join(","))
    }
}

impl FromStr for Scopes {
    type Err = InvalidScopes;
    fn from_str(text: &str) -> Result<Self, InvalidScopes> {
        let scope = |word| [Scope::Release, Scope::Read].into_iter().find(|scope| scope.as_str() == word);
        let scopes: Option<Vec<Scope>> = text.split(',').map(scope).collect();
        Self::new(scopes.ok_or(InvalidScopes)?)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// What people call an API token; the grammar of a project's name.
pub type ApiTokenName = ProjectName;

/// The name of a token that was given none.
pub const API_TOKEN_NAME_DEFAULT: &str = "default";

/// The job of a CI system that a token was given to, according to its proof of identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiJob {
    /// The numeric id of the code repository.
    pub repository_id: u64,
    /// The ref it ran for: `refs/tags/v1`.
    pub git_ref: String,
    /// The workflow it belongs to: `acme/web/.github/workflows/release.yml@refs/tags/v1`.
    pub workflow_ref: String,
    /// SHA-256 of the proof's `jti`.
    pub jti_sha256: Sha256,
}
