//! Checkpoints: the state of a transparency log at one moment, as a signed note that anyone can verify.
//!
//! Sources: C2SP tlog-checkpoint, C2SP signed-note. Signing and verifying need a library of cryptography and are done
//! where keys are; here are the texts alone.

mod note;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};

pub use self::note::{InvalidNote, InvalidVerifierKey, Note, NoteSignature, VerifierKey};
use crate::{digest::Sha256, ids::OrganisationId};

/// Longest signed note that is read. A checkpoint with a dozen witnesses has 2 KB.
pub const NOTE_MAX_BYTES: usize = 16 * 1024;
/// Longest name of a log or a key.
pub(crate) const ORIGIN_MAX_BYTES: usize = 256;

/// The state of a log: how many entries it has, and the root of the tree over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: `packages.example.org/log/acme`.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// Of the Merkle tree over them (RFC 6962).
    pub root: Sha256,
}

/// Which of a server's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogName {
    /// Every event: the operator's.
    Server,
    /// The events of one organisation.
    Organisation(OrganisationId),
}

/// A log at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// How many entries it has.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Sha256,
}

/// The text is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a checkpoint of a transparency log: expected the log's name, its size and its root in base64, each on a line"
)]
pub struct InvalidCheckpoint;

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root } = self;
        write!(f, "{origin}\n{size}\n{}\n", BASE64_STANDARD.encode(root.0))
    }
}

impl FromStr for Checkpoint {
    type Err = InvalidCheckpoint;

    /// Further lines are extensions, which the standard lets others write.
    fn from_str(text: &str) -> Result<Self, InvalidCheckpoint> {
        let mut lines = text.lines();
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(InvalidCheckpoint);
        let (origin, size, root) = (line()?, line()?, line()?);
        let number = size.parse::<u64>().map_err(|_| InvalidCheckpoint)?;
        let root = BASE64_STANDARD.decode(root).map_err(|_| InvalidCheckpoint)?;
        let root = Sha256(root.try_into().map_err(|_| InvalidCheckpoint)?);
        let is_sound = origin.len() <= ORIGIN_MAX_BYTES && number.to_string() == size && text.ends_with('\n');
        if is_sound { Ok(Self { origin: origin.to_owned(), size: number, root }) } else { Err(InvalidCheckpoint) }
    }
}
