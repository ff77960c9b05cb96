//! Identities: one type for each noun, so that a release is never looked up as a project.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text was not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an id: expected a UUID such as 01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e")]
pub struct InvalidId(pub String);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map($name).map_err(|_| InvalidId(text.to_owned()))
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                $name(id)
            }
        }
    )+};
}

ids! {
    /// A customer: owns projects and repositories.
    OrganisationId,
    /// A connected code repository.
    ProjectId,
    /// One tag of a project on its way into the repositories.
    ReleaseId,
    /// An APT or YUM repository; its keyring has the same id.
    RepositoryId,
    /// A key that signs packages and indexes.
    SigningKeyId,
    /// An access key of a repository.
    AccessKeyId,
    /// An API or operator token.
    TokenId,
    /// One recorded fact.
    EventId,
    /// One wish to change something; a retry carries the same id.
    CommandId,
}
