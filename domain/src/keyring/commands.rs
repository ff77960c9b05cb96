//! What may be asked of a keyring.

use super::{AccessKeyName, Event, Keyring};
use crate::{digest::Sha256, ids::AccessKeyId};

/// Most access keys that one repository can have at the same time.
pub const ACCESS_KEYS_MAX: usize = 100_000;

/// A wish to change a keyring.
#[derive(Debug, Clone)]
pub enum Command {
    /// Let the holder of this key in.
    IssueAccessKey {
        /// Its public id.
        key: AccessKeyId,
        /// What people call it.
        name: AccessKeyName,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
    },
    /// Never let it in again.
    RevokeAccessKey {
        /// Its public id.
        key: AccessKeyId,
    },
}

/// Why a keyring stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Two keys of one name could not be told apart.
    #[error("an access key called \"{0}\" exists already")]
    NameTaken(AccessKeyName),
    /// There is none to revoke.
    #[error("there is no such access key")]
    Unknown,
    /// The limit is reached.
    #[error("a repository has at most {ACCESS_KEYS_MAX} access keys")]
    TooMany,
}

pub(super) fn decide(keyring: &Keyring, command: Command) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::IssueAccessKey { key, .. } if keyring.keys.contains_key(&key) => Ok(vec![]),
        Command::IssueAccessKey { .. } if keyring.keys.len() >= ACCESS_KEYS_MAX => Err(Refusal::TooMany),
        Command::IssueAccessKey { name, .. } if keyring.keys.values().any(|(taken, _)| *taken == name) => {
            Err(Refusal::NameTaken(name))
        }
        Command::IssueAccessKey { key, name, secret_sha256 } => {
            Ok(vec![Event::AccessKeyIssued { key, name, secret_sha256 }])
        }
        Command::RevokeAccessKey { key } if keyring.keys.contains_key(&key) => {
            Ok(vec![Event::AccessKeyRevoked { key }])
        }
        Command::RevokeAccessKey { .. } => Err(Refusal::Unknown),
    }
}
