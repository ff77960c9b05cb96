//! Identities: one type for each noun, so that a release is never looked up as a project.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::names::{OrganisationName, ProjectName, RepositoryName};

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
    /// The release of one tag of a project.
    ReleaseId,
    /// An APT or YUM repository; its keyring has the same id.
    RepositoryId,
    /// The service's signing keys.
    SigningKeyId,
    /// An access key of a repository.
    AccessKeyId,
    /// A person or program that may act on the whole server.
    AccountId,
    /// A human being whose data events may hold; the person's account has the same id.
    PersonId,
    /// An API or operator token.
    TokenId,
    /// Something sealed in the secret store: a webhook's secret, a private key.
    SecretId,
    /// One delivery of a webhook.
    DeliveryId,
    /// A proof of identity that a CI system gave to one of its jobs.
    CiProofId,
    /// One recorded event.
    EventId,
    /// One command to change something; a retry carries the same id.
    CommandId,
}

/// Gives each name one id, for ever: the id of what is called `path` among its `kind`.
///
/// Two creations of the same name meet in the same stream, where the second is refused: no look-up,
/// no lock and no reservation is needed to keep names unique. The result is a version 8 UUID (RFC 9562,
/// 5.8) made of the first 16 bytes of SHA-256(`kind`, NUL, parts joined by `/`). See decision 0001.
pub(crate) fn named(kind: &str, path: &[&str]) -> Uuid {
    let digest = crate::digest::Sha256::of(format!("{kind}\0{}", path.join("/")).as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.0[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

impl OrganisationId {
    /// The id of the organisation called `name`.
    #[must_use]
    pub fn named(name: &OrganisationName) -> Self {
        Self(named("organisation", &[name.as_str()]))
    }
}

impl ProjectId {
    /// The id of the project called `name` in `organisation`.
    #[must_use]
    pub fn named(organisation: &OrganisationName, name: &ProjectName) -> Self {
        Self(named("project", &[organisation.as_str(), name.as_str()]))
    }
}

impl RepositoryId {
    /// The id of the repository called `name` in `organisation`.
    #[must_use]
    pub fn named(organisation: &OrganisationName, name: &RepositoryName) -> Self {
        Self(named("repository", &[organisation.as_str(), name.as_str()]))
    }
}

impl CiProofId {
    /// The proof that `issuer` calls `jti`.
    #[must_use]
    pub fn named(issuer: &str, jti: &str) -> Self {
        Self(named("ci-proof", &[issuer, jti]))
    }
}

impl AccountId {
    /// The account of the server's first operator token.
    #[must_use]
    pub fn operator() -> Self {
        Self(named("account", &["operator"]))
    }
}

impl SigningKeyId {
    /// The key that signs for the whole service.
    #[must_use]
    pub fn service() -> Self {
        Self(named("signing-key", &["service"]))
    }

    /// Under which the key of the transparency logs is sealed.
    #[must_use]
    pub fn log() -> Self {
        Self(named("signing-key", &["log"]))
    }
}

impl AccessKeyId {
    /// The id of the key that follows a machine's key `self` in `generation`. Two calls of the machine that cross each
    /// other, and a call after a crash, meet in the same key.
    #[must_use]
    pub fn renewed(self, generation: u32) -> Self {
        Self(named("access-key", &[&self.to_string(), &generation.to_string()]))
    }
}

impl EventId {
    /// The id of the event that `command` appends to `stream` after `revision`: a retry gives the same id,
    /// so a log that already holds them answers as it did the first time.
    #[must_use]
    pub fn of_command(command: CommandId, stream: &str, revision: u64) -> Self {
        Self(named("event", &[&command.to_string(), stream, &revision.to_string()]))
    }
}
