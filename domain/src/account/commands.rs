//! Commands to change an account, and why they are refused.

use super::{Account, Event, Person};
use crate::{digest::Sha256, ids::TokenId, personal::Personal};

/// A command to change an account.
#[derive(Debug, Clone)]
pub enum Command {
    /// Make it the account of a person, with a first token.
    Register {
        /// What the person is called.
        name: Personal,
        /// Where the person gets mail.
        email: Personal,
        /// The token's public id.
        token: TokenId,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
    },
    /// Replace every token by this one.
    RenewToken {
        /// The new token's public id.
        token: TokenId,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
    },
    /// Replace every token of a person by this one.
    RenewTokenOfPerson {
        /// The new token's public id.
        token: TokenId,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
    },
    /// End every token of a person for good.
    Remove,
    /// The same, and have the key of the person's data destroyed.
    Erase,
}

/// Why an account stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has events already.
    #[error("the account belongs to another person already")]
    Taken,
    /// The account does not belong to a person.
    #[error("there is no operator with this id")]
    Unknown,
    /// The person no longer acts here.
    #[error("the operator was removed")]
    Gone,
}

pub(super) fn decide(account: &Account, command: Command) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Register { name, email, token, secret_sha256 } => match account.person {
            Person::None if account.tokens.is_empty() => {
                Ok(vec![Event::Registered { name, email }, Event::TokenIssued { token, secret_sha256 }])
            }
            _ => Err(Refusal::Taken),
        },
        Command::RenewToken { token, secret_sha256 } => match account.person {
            Person::Removed | Person::Erased => Err(Refusal::Gone),
            Person::None | Person::Registered => Ok(renewed(account, token, secret_sha256)),
        },
        Command::RenewTokenOfPerson { token, secret_sha256 } => match account.person {
            Person::None => Err(Refusal::Unknown),
            Person::Removed | Person::Erased => Err(Refusal::Gone),
            Person::Registered => Ok(renewed(account, token, secret_sha256)),
        },
        Command::Remove => match account.person {
            Person::None => Err(Refusal::Unknown),
            Person::Registered => Ok(revoked(account).chain([Event::Removed]).collect()),
            Person::Removed | Person::Erased => Ok(vec![]),
        },
        Command::Erase => match account.person {
            Person::None => Err(Refusal::Unknown),
            Person::Registered | Person::Removed => Ok(revoked(account).chain([Event::PersonErased]).collect()),
            Person::Erased => Ok(vec![]),
        },
    }
}

fn renewed(account: &Account, token: TokenId, secret_sha256: Sha256) -> Vec<Event> {
    revoked(account).chain([Event::TokenIssued { token, secret_sha256 }]).collect()
}

fn revoked(account: &Account) -> impl Iterator<Item = Event> {
    account.tokens.keys().map(|&token| Event::TokenRevoked { token })
}
