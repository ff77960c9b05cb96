//! Commands to change an organisation, and why they are refused.

use super::{Event, Organisation};
use crate::{
    digest::Sha256,
    ids::TokenId,
    names::{FeedTokenName, OrganisationName},
};

/// Most build slots one organisation can have.
pub(crate) const BUILD_SLOTS_MAX: u16 = 64;
/// Most feed tokens that one organisation has at the same time: one for each replica, and some more.
pub(crate) const FEED_TOKENS_MAX: usize = 50;

/// A command to change an organisation.
#[derive(Debug, Clone)]
pub enum Command {
    /// Create it.
    Create {
        /// What it is called in URLs.
        name: OrganisationName,
    },
    /// Build this many of its releases at the same time.
    SetBuildSlots {
        /// 1 to [`BUILD_SLOTS_MAX`].
        slots: u16,
    },
    /// Let a replica follow it.
    IssueFeedToken {
        /// The token's public id.
        token: TokenId,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
        /// What people call it.
        name: FeedTokenName,
    },
    /// End a feed token.
    RevokeFeedToken {
        /// The token's public id.
        token: TokenId,
    },
}

/// Why an organisation stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is taken.
    #[error("an organisation called \"{0}\" exists already")]
    NameTaken(OrganisationName),
    /// It does not exist.
    #[error("there is no such organisation")]
    Unknown,
    /// Too few or too many.
    #[error("the number of build slots is not valid: expected 1 to {BUILD_SLOTS_MAX}, found {0}")]
    BuildSlotsOutOfRange(u16),
    /// Another one that works is called so.
    #[error("the organisation already has a feed token called \"{0}\": revoke it, or choose another name")]
    FeedTokenNameTaken(FeedTokenName),
    /// As many as may work.
    #[error("the organisation already has {FEED_TOKENS_MAX} feed tokens, which is the limit: revoke one first")]
    TooManyFeedTokens,
    /// It never was one, or no longer works.
    #[error("the organisation has no such feed token")]
    NoSuchFeedToken,
}

pub(super) fn decide(organisation: &Organisation, command: Command) -> Result<Vec<Event>, Refusal> {
    match (organisation, command) {
        (Organisation::Unknown, Command::Create { name }) => Ok(vec![Event::Created { name }]),
        (Organisation::Unknown, _) => Err(Refusal::Unknown),
        (Organisation::Created { name, .. }, Command::Create { .. }) => Err(Refusal::NameTaken(name.clone())),
        (_, Command::SetBuildSlots { slots }) if !(1..=BUILD_SLOTS_MAX).contains(&slots) => {
            Err(Refusal::BuildSlotsOutOfRange(slots))
        }
        (Organisation::Created { build_slots, .. }, Command::SetBuildSlots { slots }) if *build_slots == slots => {
            Ok(vec![])
        }
        (Organisation::Created { .. }, Command::SetBuildSlots { slots }) => Ok(vec![Event::BuildSlotsSet { slots }]),
        (Organisation::Created { feed_tokens, .. }, Command::IssueFeedToken { token, secret_sha256, name }) => {
            if feed_tokens.contains_key(&token) {
                Ok(vec![])
            } else if feed_tokens.values().any(|taken| *taken == name) {
                Err(Refusal::FeedTokenNameTaken(name))
            } else if feed_tokens.len() >= FEED_TOKENS_MAX {
                Err(Refusal::TooManyFeedTokens)
            } else {
                Ok(vec![Event::FeedTokenIssued { token, secret_sha256, name }])
            }
        }
        (Organisation::Created { feed_tokens, .. }, Command::RevokeFeedToken { token }) => {
            match feed_tokens.contains_key(&token) {
                true => Ok(vec![Event::FeedTokenRevoked { token }]),
                false => Err(Refusal::NoSuchFeedToken),
            }
        }
    }
}
