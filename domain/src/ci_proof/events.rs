//! The events of a proof.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{ProjectId, TokenId},
    project::CiJob,
};

/// What can have happened to a proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It was good, and it was taken for the right to one API token. It is worth nothing from now on.
    Spent {
        /// Who gave it.
        issuer: String,
        /// The project it was shown for.
        project: ProjectId,
        /// The job that showed it.
        job: CiJob,
        /// The API token that was promised for it.
        token: TokenId,
    },
}
