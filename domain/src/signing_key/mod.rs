//! Signing keys: who vouches for packages and indexes. The private part is sealed in the secret store.

mod commands;
mod events;
#[cfg(test)]
mod tests;

pub use self::{
    commands::{Command, Refusal},
    events::Event,
};
use crate::aggregate::Aggregate;

/// A signing key, if it was made.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum SigningKey {
    /// Not made yet.
    #[default]
    Unknown,
    /// It can sign.
    Generated {
        /// Full fingerprint, upper-case hexadecimal.
        fingerprint: String,
    },
}

impl Aggregate for SigningKey {
    const KIND: &'static str = "signing-key";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        commands::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        let Event::Generated { fingerprint, .. } = event;
        *self = Self::Generated { fingerprint: fingerprint.clone() };
    }
}
