//! Proofs of identity of CI jobs: each has its own stream, so that no proof is accepted twice.

mod commands;
mod events;
#[cfg(test)]
mod tests;

pub use self::{
    commands::{Command, Refusal},
    events::Event,
};
use crate::{aggregate::Aggregate, ids::TokenId, stream_kind::StreamKind};

/// A proof, if it was shown.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum CiProof {
    /// It was never shown.
    #[default]
    Unknown,
    /// It was taken for this API token.
    Spent(TokenId),
}

impl Aggregate for CiProof {
    const KIND: StreamKind = StreamKind::CiProof;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        commands::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        let Event::Spent { token, .. } = event;
        *self = Self::Spent(*token);
    }
}
