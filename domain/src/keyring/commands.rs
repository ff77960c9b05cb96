//! Commands to change a keyring, and why they are refused.

use chrono::{DateTime, TimeDelta, Utc};

#[cfg(doc)]
use super::Keyring;
use super::{AccessKeyName, WindowEnd};
use crate::{digest::Sha256, ids::AccessKeyId, names::MachineName};

/// Most people's keys and machines that one repository can have at the same time. In a grace window, a key and the one
/// that follows it count once.
pub const ACCESS_KEYS_MAX: usize = 100_000;
/// Most shared and enrolment keys among them: a roll makes a new one for each, and names them all in one event.
pub(crate) const NAMED_KEYS_MAX: usize = 1_000;
/// Most machines that may enrol with one key.
pub const ENROLS_MAX: u32 = 100_000;
/// Longest grace window. Clients that have not changed their key by then are not expected to.
pub const GRACE_MAX: TimeDelta = TimeDelta::days(90);

/// A command to change a keyring.
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
        /// What it is for, and for how long.
        terms: Terms,
        /// The time.
        now: DateTime<Utc>,
    },
    /// Never let it in again; if it is a machine's, nor any other key of that machine.
    RevokeAccessKey {
        /// Its public id.
        key: AccessKeyId,
    },
    /// End every key there is, at once.
    Roll {
        /// A new key for each that [`Keyring::to_renew`] names.
        replacements: Vec<Replacement>,
        /// The time.
        now: DateTime<Utc>,
    },
    /// Begin a generation, and let older keys work until a time.
    OpenGrace {
        /// When older keys end.
        until: DateTime<Utc>,
        /// A new key for each that [`Keyring::to_renew`] names, sealed to be handed over.
        replacements: Vec<Replacement>,
        /// The time.
        now: DateTime<Utc>,
    },
    /// End the keys of older generations, if the reason holds.
    CloseGrace {
        /// The generation that will be left.
        generation: u32,
        /// Why.
        because: WindowEnd,
        /// The time.
        now: DateTime<Utc>,
    },
    /// Give a machine the key that follows its own, which is sealed already.
    RenewKey {
        /// Its key so far.
        old: AccessKeyId,
        /// SHA-256 of the secret of [`AccessKeyId::renewed`].
        secret_sha256: Sha256,
        /// The time.
        now: DateTime<Utc>,
    },
    /// A machine was authorized with this key.
    RecordMoved {
        /// The key.
        key: AccessKeyId,
    },
    /// The sealed copies of a closed window's keys are deleted.
    RecordSealedKeysDeleted {
        /// The generation whose window closed.
        generation: u32,
    },
    /// A version of the installer was added to the repository.
    RecordInstaller {
        /// Which.
        number: u32,
        /// The package file.
        sha256: Sha256,
        /// The generation that it was made for.
        generation: u32,
        /// What it was made from.
        content: Sha256,
    },
    /// Issue a key to a machine.
    EnrolMachine {
        /// The enrolment key it shows.
        enrolment: AccessKeyId,
        /// Its own key.
        key: AccessKeyId,
        /// What it calls itself.
        machine: MachineName,
        /// SHA-256 of its key's secret.
        secret_sha256: Sha256,
        /// The time.
        now: DateTime<Utc>,
    },
}

/// The purpose of a named key, and how long it is valid.
#[derive(Debug, Clone)]
pub enum Terms {
    /// Opens the repository for any number of machines.
    Shared {
        /// When it ends by itself; never if unset.
        expires_at: Option<DateTime<Utc>>,
    },
    /// Lets machines enrol.
    Enrolment(EnrolmentLimits),
}

/// The limits of an enrolment key. It is stored in installers and images, so its lifetime and its uses are limited.
#[derive(Debug, Clone, Copy)]
pub struct EnrolmentLimits {
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// How many machines may enrol with it: 1 to [`ENROLS_MAX`].
    pub enrols_max: u32,
}

/// A new key for an old one.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// The key that it follows.
    pub old: AccessKeyId,
    /// Its public id.
    pub new: AccessKeyId,
    /// SHA-256 of its secret.
    pub secret_sha256: Sha256,
}

/// Why a keyring stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Two keys of one name could not be distinguished.
    #[error("an access key called \"{0}\" exists already")]
    NameTaken(AccessKeyName),
    /// The key does not exist, or has ended.
    #[error("there is no such access key")]
    Unknown,
    /// The limit is reached.
    #[error("the repository already has {ACCESS_KEYS_MAX} access keys, which is the limit")]
    TooMany,
    /// The limit of keys that a roll renews is reached.
    #[error(
        "a repository has at most {NAMED_KEYS_MAX} shared and enrolment keys: let more machines enrol instead, each gets a key of its own"
    )]
    TooManyNamed,
    /// It would have expired before it was issued.
    #[error("the access key would have expired already: expected a time in the future")]
    AlreadyExpired,
    /// The number of machines is zero or too large.
    #[error("the number of machines that may enrol with the key is not valid: expected 1 to {ENROLS_MAX}")]
    EnrolsOutOfRange,
    /// A key was issued, revoked or rolled meanwhile. Look again and roll again.
    #[error("the access keys of the repository were changed at the same time: try again")]
    KeysChanged,
    /// There can be one at a time.
    #[error("a grace window, in which older access keys still work, is open until {0}: close it first")]
    WindowOpen(DateTime<Utc>),
    /// There is no window to close.
    #[error("no grace window is open: older access keys do not work any more")]
    NoWindow,
    /// It would end before it begins, or outlive all memory of it.
    #[error("the end of the grace window is not valid: expected a time in the future, at most {} days from now", GRACE_MAX.num_days())]
    WindowOutOfRange,
    /// It has no successor: it does not belong to a machine, or the keys were not rolled.
    #[error("this access key has no newer one to change to")]
    NotRenewable,
    /// The key is not an enrolment key.
    #[error("this access key is not an enrolment key")]
    NotEnrolling,
    /// The limit of machines that may enrol with the key is reached.
    #[error("this enrolment key is used up: as many machines as it allows have enrolled")]
    UsedUp,
    /// Another publisher was faster.
    #[error("this version of the installer, or a newer one, is already published")]
    InstallerSuperseded,
    /// Another enrolment key let a machine of this name in: no key may take a name from another key's machine, not even
    /// when that key has ended.
    #[error(
        "a machine called \"{0}\" has already enrolled with another key: revoke that machine's key first, or choose another name"
    )]
    MachineNameTaken(MachineName),
}
