//! What may be asked of a signing key.

use super::{Event, SigningKey};

/// A wish to change a signing key.
#[derive(Debug, Clone)]
pub enum Command {
    /// Announce a key that was just made.
    Generate {
        /// Full fingerprint, upper-case hexadecimal.
        fingerprint: String,
        /// The public certificate, ASCII-armoured.
        certificate: String,
    },
}

/// Why a signing key stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A key is never replaced in place: signatures made with it must stay checkable.
    #[error("this signing key exists already, with fingerprint {0}")]
    Exists(String),
}

pub(super) fn decide(key: &SigningKey, command: Command) -> Result<Vec<Event>, Refusal> {
    let Command::Generate { fingerprint, certificate } = command;
    match key {
        SigningKey::Unknown => Ok(vec![Event::Generated { fingerprint, certificate }]),
        SigningKey::Generated { fingerprint: same } if *same == fingerprint => Ok(vec![]),
        SigningKey::Generated { fingerprint } => Err(Refusal::Exists(fingerprint.clone())),
    }
}
