//! Errors of the secret store. No message ever contains a secret.

use std::{io, path::PathBuf};

use domain::size::Size;
use uuid::Uuid;

use super::SECRET_MAX_BYTES;
use crate::blocking::BrokeOff;

/// A secret could not be sealed or unsealed.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// Other users of the machine may read it.
    #[error(
        "the file {path} is open to group or others (mode {mode:04o}): expected mode {expected:04o}, which `chmod {expected:o}` sets"
    )]
    TooOpen {
        /// The master key or the folder of secrets.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// What they must be at most.
        expected: u32,
    },
    /// The file is not a master key.
    #[error("the file {path} is not a master key: expected a file of exactly 32 random bytes")]
    NotAMasterKey {
        /// The configured path.
        path: PathBuf,
    },
    /// Secrets exist, but the key that sealed them is missing. A new key is not made, because it could not open them.
    #[error("the master key {path} is missing, but {folder} holds secrets sealed with it: restore it from the backup")]
    MasterKeyMissing {
        /// The configured path of the master key.
        path: PathBuf,
        /// The folder of secrets.
        folder: PathBuf,
    },
    /// Nothing is sealed under this id.
    #[error("there is no sealed secret {id}")]
    NotFound {
        /// The secret's id.
        id: Uuid,
    },
    /// Something is already sealed under this id.
    #[error("there is already a sealed secret {id}: it is never overwritten")]
    AlreadySealed {
        /// The secret's id.
        id: Uuid,
    },
    /// The secret is too long.
    #[error("the secret {id} is too long: expected at most {}", Size(SECRET_MAX_BYTES as u64))]
    TooLong {
        /// The secret's id.
        id: Uuid,
    },
    /// It was sealed with another master key.
    #[error("the secret in {path} was sealed with another master key: restore that master key")]
    WrongMasterKey {
        /// The sealed file.
        path: PathBuf,
    },
    /// The file was renamed: it holds another secret.
    #[error("the file {path} contains the sealed secret {found}: it was moved or copied to another name")]
    Moved {
        /// The sealed file.
        path: PathBuf,
        /// The id it was sealed under.
        found: Uuid,
    },
    /// It was changed since it was sealed, or asked for as something else.
    #[error(
        "cannot open the sealed secret {id} as \"{purpose}\": {path} was changed, or was sealed for another purpose"
    )]
    Damaged {
        /// The secret's id.
        id: Uuid,
        /// What it was asked for as.
        purpose: String,
        /// The sealed file.
        path: PathBuf,
    },
    /// It is not a sealed file at all.
    #[error("the file {path} is not a sealed secret: it was truncated or overwritten")]
    NotSealed {
        /// The file.
        path: PathBuf,
    },
    /// A defect of this program.
    #[error(transparent)]
    BrokeOff(#[from] BrokeOff),
    /// The disk refused.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}
