//! The events of an account.

use serde::{Deserialize, Serialize};

use crate::{digest::Sha256, ids::TokenId, personal::Personal};

/// What can have happened to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The account is a person's.
    Registered {
        /// What the person is called.
        name: Personal,
        /// Where the person gets mail.
        email: Personal,
    },
    /// A token was made and shown once.
    TokenIssued {
        /// Its public id.
        token: TokenId,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
    },
    /// The token no longer works.
    TokenRevoked {
        /// Its public id.
        token: TokenId,
    },
    /// The person no longer acts on the server. What it did keeps its name.
    Removed,
    /// The key of the person's data will be destroyed, so that the data can no longer be read.
    PersonErased,
}
