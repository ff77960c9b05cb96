//! Organisations: they own projects and repositories, share build slots, and issue feed tokens for replicas.

mod commands;
mod events;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::{
    commands::{Command, Refusal},
    events::Event,
};
use crate::{
    aggregate::Aggregate,
    ids::TokenId,
    names::{FeedTokenName, OrganisationName},
    stream_kind::StreamKind,
};

/// How many releases of a new organisation are built at the same time.
pub const BUILD_SLOTS_DEFAULT: u16 = 2;

/// An organisation, if it was created.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Organisation {
    /// It was never created.
    #[default]
    Unknown,
    /// It exists.
    Created {
        /// What it is called in URLs.
        name: OrganisationName,
        /// How many of its releases are built at the same time.
        build_slots: u16,
        /// What the feed tokens that work are called.
        feed_tokens: BTreeMap<TokenId, FeedTokenName>,
    },
}

impl Organisation {
    /// How many releases may be built at the same time; none if it does not exist.
    #[must_use]
    pub fn build_slots(&self) -> u16 {
        match self {
            Self::Unknown => 0,
            Self::Created { build_slots, .. } => *build_slots,
        }
    }
}

impl Aggregate for Organisation {
    const KIND: StreamKind = StreamKind::Organisation;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        commands::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Created { name } => {
                let (name, feed_tokens) = (name.clone(), BTreeMap::new());
                *self = Self::Created { name, build_slots: BUILD_SLOTS_DEFAULT, feed_tokens };
            }
            Event::BuildSlotsSet { slots } => {
                if let Self::Created { build_slots, .. } = self {
                    *build_slots = *slots;
                }
            }
            Event::FeedTokenIssued { token, name, .. } => {
                if let Self::Created { feed_tokens, .. } = self {
                    feed_tokens.insert(*token, name.clone());
                }
            }
            Event::FeedTokenRevoked { token } => {
                if let Self::Created { feed_tokens, .. } = self {
                    feed_tokens.remove(token);
                }
            }
        }
    }
}
