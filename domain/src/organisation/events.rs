//! The events of an organisation.

use serde::{Deserialize, Serialize};

use crate::{
    digest::Sha256,
    ids::TokenId,
    names::{FeedTokenName, OrganisationName},
};

/// What can have happened to an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It exists from now on, under this name.
    Created {
        /// What it is called in URLs.
        name: OrganisationName,
    },
    /// This many of its releases are built at the same time.
    BuildSlotsSet {
        /// At least 1.
        slots: u16,
    },
    /// A feed token was made and shown once: a replica follows the organisation with it.
    FeedTokenIssued {
        /// Its public id.
        token: TokenId,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
        /// What people call it.
        name: FeedTokenName,
    },
    /// The feed token no longer works.
    FeedTokenRevoked {
        /// Its public id.
        token: TokenId,
    },
}
