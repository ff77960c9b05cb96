//! What may be asked of an account.

use super::{Account, Event};
use crate::{digest::Sha256, ids::TokenId};

/// A wish to change an account.
#[derive(Debug, Clone)]
pub enum Command {
    /// Replace every token by this one.
    RenewToken {
        /// The new token's public id.
        token: TokenId,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
    },
}

/// Why an account stays as it is. Nothing is refused yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {}

pub(super) fn decide(account: &Account, command: Command) -> Result<Vec<Event>, Refusal> {
    let Command::RenewToken { token, secret_sha256 } = command;
    let revoked = account.tokens.keys().map(|&token| Event::TokenRevoked { token });
    Ok(revoked.chain([Event::TokenIssued { token, secret_sha256 }]).collect())
}
