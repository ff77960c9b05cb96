//! The facts of a keyring.

use serde::{Deserialize, Serialize};

use crate::{digest::Sha256, ids::AccessKeyId, names::ProjectName};

/// What a person calls an access key; the grammar of a project's name.
pub type AccessKeyName = ProjectName;

/// What can have happened to a repository's access keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A key was made and shown once.
    AccessKeyIssued {
        /// Its public id: the login of HTTP Basic.
        key: AccessKeyId,
        /// What people call it.
        name: AccessKeyName,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
    },
    /// The key no longer opens the repository.
    AccessKeyRevoked {
        /// Its public id.
        key: AccessKeyId,
    },
}
