//! Accounts: the operators of the server, and their tokens.

mod commands;
mod events;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::{
    commands::{Command, Refusal},
    events::Event,
};
use crate::{aggregate::Aggregate, digest::Sha256, ids::TokenId, stream_kind::StreamKind};

/// An account and its live tokens.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Account {
    tokens: BTreeMap<TokenId, Sha256>,
    person: Person,
}

/// The owner of an account.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Person {
    /// Of no person: the account of the server's first token.
    #[default]
    None,
    Registered,
    Removed,
    Erased,
}

impl Account {
    /// Has this account a token that works?
    #[must_use]
    pub fn has_token(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Must the key of the person's data be destroyed?
    #[must_use]
    pub fn is_erased(&self) -> bool {
        self.person == Person::Erased
    }
}

impl Aggregate for Account {
    const KIND: StreamKind = StreamKind::Account;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        commands::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Registered { .. } => self.person = Person::Registered,
            Event::Removed => self.person = Person::Removed,
            Event::PersonErased => self.person = Person::Erased,
            Event::TokenIssued { token, secret_sha256 } => {
                self.tokens.insert(*token, *secret_sha256);
            }
            Event::TokenRevoked { token } => {
                self.tokens.remove(token);
            }
        }
    }
}
