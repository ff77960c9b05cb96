//! Keyrings: who may enter a repository. One for each repository, with the repository's id.

mod commands;
mod events;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::{
    commands::{ACCESS_KEYS_MAX, Command, Refusal},
    events::{AccessKeyName, Event},
};
use crate::{aggregate::Aggregate, digest::Sha256, ids::AccessKeyId};

/// The access keys of one repository.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Keyring {
    keys: BTreeMap<AccessKeyId, (AccessKeyName, Sha256)>,
}

impl Aggregate for Keyring {
    const KIND: &'static str = "keyring";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        commands::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::AccessKeyIssued { key, name, secret_sha256 } => {
                self.keys.insert(*key, (name.clone(), *secret_sha256));
            }
            Event::AccessKeyRevoked { key } => {
                self.keys.remove(key);
            }
        }
    }
}
