//! The facts of an account.

use serde::{Deserialize, Serialize};

use crate::{digest::Sha256, ids::TokenId};

/// What can have happened to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
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
}
