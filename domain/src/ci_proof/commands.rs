//! Commands to use a proof, and why they are refused.

use super::{CiProof, Event};
use crate::{
    ids::{ProjectId, TokenId},
    project::CiJob,
};

/// A command to change a proof.
#[derive(Debug, Clone)]
pub enum Command {
    /// Take it, once.
    Spend {
        /// Who gave it.
        issuer: String,
        /// The project it is shown for.
        project: ProjectId,
        /// The job that shows it.
        job: CiJob,
        /// The API token that it is shown for.
        token: TokenId,
    },
}

/// Why a proof is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A proof shown a second time is a copy.
    #[error("this identity token (OIDC) was used before: each can be used only once")]
    SpentBefore,
}

pub(super) fn decide(proof: &CiProof, command: Command) -> Result<Vec<Event>, Refusal> {
    let Command::Spend { issuer, project, job, token } = command;
    match proof {
        CiProof::Unknown => Ok(vec![Event::Spent { issuer, project, job, token }]),
        CiProof::Spent(same) if *same == token => Ok(vec![]),
        CiProof::Spent(_) => Err(Refusal::SpentBefore),
    }
}
