//! Commands to change a repository, and why they are refused.

use chrono::{DateTime, Utc};

use super::{Compact, SignedIndex, YankPolicy, YankReason, snapshots};
use crate::{
    digest::Sha256,
    fingerprint::Fingerprint,
    ids::ReleaseId,
    names::{OrganisationName, RepositoryName, SnapshotName},
    package::{Format, Package},
};

/// Most packages that one repository can hold.
pub const PACKAGES_MAX: usize = 1_000_000;

/// A command to change a repository.
#[derive(Debug, Clone)]
pub enum Command {
    /// Create it.
    Create {
        /// The organisation it belongs to.
        organisation: OrganisationName,
        /// What it is called in URLs.
        name: RepositoryName,
        /// Deb or rpm.
        format: Format,
    },
    /// Take in a package whose file is in the blob store.
    AddPackage {
        /// The file and the facts in it.
        package: Box<Package>,
        /// The release that built it; none if it was uploaded.
        release: Option<ReleaseId>,
        /// The key that signed it; none for a deb.
        key_fingerprint: Option<Fingerprint>,
    },
    /// Put the same package, signed by another key, in the place of a file. Its file is in the blob store.
    ResignPackage {
        /// The file that is there.
        replaces: Sha256,
        /// The new file and the facts in it.
        package: Box<Package>,
        /// The key that signed it.
        key_fingerprint: Fingerprint,
    },
    /// Take in a version of the repository's own installer, whose file is in the blob store.
    AddInstaller {
        /// The file and the facts in it.
        package: Box<Package>,
        /// The key that signed it; none for a deb.
        key_fingerprint: Option<Fingerprint>,
    },
    /// Take a package that should not have been published out of the present, or mark it.
    YankPackage {
        /// Its file.
        sha256: Sha256,
        /// Why.
        reason: YankReason,
    },
    /// Take a yank back.
    RestorePackage {
        /// Its file.
        sha256: Sha256,
    },
    /// Say what later yanks do.
    SetYankPolicy {
        /// From now on.
        policy: YankPolicy,
    },
    /// Give a publication a name.
    TakeSnapshot {
        /// Not given to another publication yet.
        name: SnapshotName,
        /// Which publication.
        published_at: DateTime<Utc>,
    },
    /// Take a name back.
    RemoveSnapshot {
        /// Which.
        name: SnapshotName,
    },
    /// Record that an index, whose files are in the blob store, was signed.
    RecordIndexSigned(SignedIndex),
}

/// Why a repository stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is taken.
    #[error("the organisation already has a repository with that name")]
    NameTaken,
    /// It does not exist.
    #[error("there is no such repository")]
    Unknown,
    /// A deb for a YUM repository, or the other way round.
    #[error("this repository accepts only {expected} packages, and this package is a {actual}")]
    WrongFormat {
        /// The format of the repository.
        expected: Format,
        /// What was offered.
        actual: Format,
    },
    /// Clients that hold the other file's digest would see a corrupt package.
    #[error(
        "{name} {version} ({architecture}) is already in this repository with other contents (SHA-256 {present}): release another version"
    )]
    PackageDiffers {
        /// The package's name.
        name: String,
        /// Its version.
        version: String,
        /// Its architecture.
        architecture: String,
        /// The file that is there.
        present: Sha256,
    },
    /// Machines renew their access with it: no other package may take its place.
    #[error("the package name {0} is reserved for this repository's own installer")]
    InstallersName(String),
    /// Clients that hold its metadata would see a corrupt package, and the reason for the yank still holds.
    #[error("{name} {version} ({architecture}) was yanked ({reason}): restore it, or release another version")]
    Yanked {
        /// The package's name.
        name: String,
        /// Its version.
        version: String,
        /// Its architecture.
        architecture: String,
        /// Why it was yanked.
        reason: YankReason,
    },
    /// It would have two reasons.
    #[error("this package is yanked already ({0}): restore it first")]
    YankedAlready(YankReason),
    /// There is no package to replace.
    #[error("the repository has no package file with SHA-256 {0}")]
    NotThere(Sha256),
    /// The limit is reached.
    #[error("the repository already has {PACKAGES_MAX} packages, which is the limit")]
    Full,
    /// There is no publication to name.
    #[error("no version of this repository was published at {}", Compact(*.0))]
    NotPublished(DateTime<Utc>),
    /// An address that served one state would serve another.
    #[error("the snapshot name {name} was already given to the version of {}: use another name, even if that snapshot was removed", Compact(*.published_at))]
    SnapshotNameTaken {
        /// The name.
        name: SnapshotName,
        /// The publication that had it first.
        published_at: DateTime<Utc>,
    },
    /// There is no snapshot to remove.
    #[error("this repository has no snapshot {0}")]
    NoSuchSnapshot(SnapshotName),
    /// The limit is reached.
    #[error("a repository can have at most {} snapshot names, including removed ones", snapshots::NAMES_MAX)]
    TooManySnapshots,
    /// Another signer was faster.
    #[error("this state of the repository, or a newer one, is already signed by the same keys")]
    IndexSuperseded,
    /// The index claims a state that the repository has not reached.
    #[error("the index covers a revision that the repository has not reached yet")]
    IndexAhead,
    /// Clients compare whole seconds: two publications in one would hide the second.
    #[error("the time of the index is not valid: expected a later second than that of the previous index")]
    IndexNotLater,
}
