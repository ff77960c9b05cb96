//! The events of a keyring.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    digest::Sha256,
    ids::AccessKeyId,
    names::{MachineName, ProjectName},
};

/// What a person calls an access key; the grammar of a project's name.
pub type AccessKeyName = ProjectName;

/// The purpose of a named key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedKind {
    /// Opens the repository for any number of machines.
    #[default]
    Shared,
    /// Machines enrol with it, and each receives its own key. It grants no other access.
    Enrolment,
}

impl NamedKind {
    // By reference, because serde asks so.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A key that follows another of the same name at a roll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Successor {
    /// The key it follows.
    pub old: AccessKeyId,
    /// Its public id.
    pub new: AccessKeyId,
    /// What people call both.
    pub name: AccessKeyName,
    /// What both are for.
    pub kind: NamedKind,
    /// SHA-256 of the new key's secret.
    pub secret_sha256: Sha256,
    /// When the new key ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// How many machines may enrol with the new key: as many as the old one had left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrols_max: Option<u32>,
}

/// Why a grace window closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowEnd {
    /// Every machine had used its new key, and no older shared key was left.
    EveryoneMoved,
    /// Its time was over.
    TimeOver,
    /// An operator or a team closed it early.
    Cut,
}

impl WindowEnd {
    /// Its name in rows, JSON and GraphQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EveryoneMoved => "everyone_moved",
            Self::TimeOver => "time_over",
            Self::Cut => "cut",
        }
    }
}

/// What can have happened to a repository's access keys.
///
/// Keys belong to generations, counted from 1. A roll begins the next one; what is older ends with it, at once or when
/// the grace window closes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A key was made and shown once.
    AccessKeyIssued {
        /// Its public id: the login of HTTP Basic.
        key: AccessKeyId,
        /// What people call it.
        name: AccessKeyName,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
        /// What it is for.
        #[serde(default, skip_serializing_if = "NamedKind::is_default")]
        kind: NamedKind,
        /// When it ends by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<DateTime<Utc>>,
        /// How many machines may enrol with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enrols_max: Option<u32>,
    },
    /// The key no longer opens the repository.
    AccessKeyRevoked {
        /// Its public id.
        key: AccessKeyId,
    },
    /// Every key of an older generation ended at once, however many there were.
    Rolled {
        /// The generation that began.
        generation: u32,
        /// The new keys, made and shown once.
        keys: Vec<Successor>,
    },
    /// A generation began whose older keys work until the window closes.
    GraceOpened {
        /// The generation that began.
        generation: u32,
        /// When older keys end, even if the end of the window is not recorded.
        until: DateTime<Utc>,
        /// The new keys: issued, shown once, and stored sealed until they are delivered.
        successors: Vec<Successor>,
    },
    /// A machine of an older generation asked for its next key. Both work until the window closes.
    KeyRenewed {
        /// Its key so far.
        old: AccessKeyId,
        /// The key that follows.
        new: AccessKeyId,
        /// SHA-256 of the new key's secret.
        secret_sha256: Sha256,
    },
    /// A machine used its renewed key for the first time.
    MachineMoved {
        /// The renewed key.
        key: AccessKeyId,
    },
    /// Every key of an older generation ended.
    GraceClosed {
        /// The generation that is left.
        generation: u32,
        /// Why now.
        because: WindowEnd,
    },
    /// The sealed copies of keys that were to be delivered in the window of this generation are deleted.
    SealedKeysDeleted {
        /// The generation whose window closed.
        generation: u32,
    },
    /// A key was issued to a machine.
    MachineEnrolled {
        /// The enrolment key that let it.
        enrolment: AccessKeyId,
        /// Its own key.
        key: AccessKeyId,
        /// What it calls itself.
        machine: MachineName,
        /// SHA-256 of its key's secret.
        secret_sha256: Sha256,
        /// The keys that it had before, which ended.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        replaces: Vec<AccessKeyId>,
    },
    /// A version of the installer, with which machines renew their keys, is in the repository as a package.
    InstallerPublished {
        /// Which version, counted from 1: `1.<number>`. Numbers may be missing.
        number: u32,
        /// The package file.
        sha256: Sha256,
        /// The generation that it was made for.
        generation: u32,
        /// SHA-256 of what the package was made from: a version with other content has to follow when that changes.
        content: Sha256,
    },
}
