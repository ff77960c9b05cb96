//! What may be asked of a repository.

use chrono::{DateTime, Utc};

use super::{Compact, Event, Identity, Present, Repository, SignedIndex, YankPolicy, YankReason, snapshots, yank};
use crate::{
    digest::Sha256,
    ids::ReleaseId,
    names::{OrganisationName, RepositoryName, SnapshotName},
    package::{Format, Package},
};

/// Most packages that one repository can hold.
pub const PACKAGES_MAX: usize = 1_000_000;

/// A wish to change a repository.
#[derive(Debug, Clone)]
pub enum Command {
    /// Create it.
    Create {
        /// Whose it is.
        organisation: OrganisationName,
        /// What it is called in URLs.
        name: RepositoryName,
        /// Deb or rpm.
        format: Format,
    },
    /// Take in a package whose file is in the blob store.
    AddPackage {
        /// The file and what it says of itself.
        package: Box<Package>,
        /// The release that built it; none if it was uploaded.
        release: Option<ReleaseId>,
        /// The key that signed it; none for a deb.
        key_fingerprint: Option<String>,
    },
    /// Put the same package, signed by another key, in the place of a file. Its file is in the blob store.
    ResignPackage {
        /// The file that is there.
        replaces: Sha256,
        /// The new file and what it says of itself.
        package: Box<Package>,
        /// The key that signed it.
        key_fingerprint: String,
    },
    /// Take in a version of the repository's own installer, whose file is in the blob store.
    AddInstaller {
        /// The file and what it says of itself.
        package: Box<Package>,
        /// The key that signed it; none for a deb.
        key_fingerprint: Option<String>,
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
    #[error("a repository of that name exists already")]
    NameTaken,
    /// It does not exist.
    #[error("there is no such repository")]
    Unknown,
    /// A deb for a YUM repository, or the other way round.
    #[error("this repository takes {expected} packages, and this is a {actual}")]
    WrongFormat {
        /// What the repository holds.
        expected: Format,
        /// What was offered.
        actual: Format,
    },
    /// Clients that hold the other file's digest would see a corrupt package.
    #[error("{name} {version} ({architecture}) is in this repository already, with other bytes (SHA-256 {present})")]
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
    /// Machines renew their access with it: nobody else's package may take its place.
    #[error("{0} is the name of this repository's own installer")]
    InstallersName(String),
    /// Clients that hold its metadata would see a corrupt package, and the reason for the yank still holds.
    #[error("{name} {version} ({architecture}) was yanked: {reason}. Restore it, or release another version")]
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
    #[error("this package is yanked already: {0}. Restore it first")]
    YankedAlready(YankReason),
    /// There is nothing to take the place of.
    #[error("the repository does not hold this package in the file with SHA-256 {0}")]
    NotThere(Sha256),
    /// The limit is reached.
    #[error("a repository holds at most {PACKAGES_MAX} packages")]
    Full,
    /// There is nothing to give a name to.
    #[error("nothing was published in this repository at {}", Compact(*.0))]
    NotPublished(DateTime<Utc>),
    /// An address that served one state would serve another.
    #[error("{name} is the name of the publication of {}: a name is given once, removed or not", Compact(*.published_at))]
    SnapshotNameTaken {
        /// The name.
        name: SnapshotName,
        /// The publication that had it first.
        published_at: DateTime<Utc>,
    },
    /// There is nothing to remove.
    #[error("this repository has no snapshot {0}")]
    NoSuchSnapshot(SnapshotName),
    /// The limit is reached.
    #[error("a repository has at most {} names of snapshots, removed ones counted", snapshots::NAMES_MAX)]
    TooManySnapshots,
    /// Another signer was faster.
    #[error("this state of the repository, or a newer one, is signed already by the same keys")]
    IndexSuperseded,
    /// The index claims a state that the repository has not reached.
    #[error("this index covers a state that the repository has not reached")]
    IndexAhead,
    /// Clients compare whole seconds: two publications in one would hide the second.
    #[error("an index must be published later than the one before it, in whole seconds")]
    IndexNotLater,
}

pub(super) fn decide(repository: &Repository, command: Command) -> Result<Vec<Event>, Refusal> {
    match (repository.format, command) {
        (None, Command::Create { organisation, name, format }) => Ok(vec![created(organisation, name, format)]),
        (Some(_), Command::Create { .. }) => Err(Refusal::NameTaken),
        (None, _) => Err(Refusal::Unknown),
        (Some(_), Command::AddPackage { package, .. }) if repository.is_installer(&package) => {
            Err(Refusal::InstallersName(package.name().to_owned()))
        }
        (Some(format), Command::AddPackage { package, release, key_fingerprint }) => {
            check_format(format, &package)?;
            add_package(repository, *package, release, key_fingerprint)
        }
        (Some(format), Command::AddInstaller { package, key_fingerprint }) => {
            check_format(format, &package)?;
            add_package(repository, *package, None, key_fingerprint)
        }
        (Some(format), Command::ResignPackage { replaces, package, key_fingerprint }) => {
            check_format(format, &package)?;
            resign_package(repository, replaces, *package, key_fingerprint)
        }
        (Some(_), Command::YankPackage { sha256, reason }) => yank::yank(repository, sha256, reason),
        (Some(_), Command::RestorePackage { sha256 }) => yank::restore(repository, sha256),
        (Some(_), Command::SetYankPolicy { policy }) if policy == repository.yank_policy => Ok(vec![]),
        (Some(_), Command::SetYankPolicy { policy }) => Ok(vec![Event::YankPolicySet { policy }]),
        (Some(_), Command::TakeSnapshot { name, published_at }) => snapshots::take(repository, name, published_at),
        (Some(_), Command::RemoveSnapshot { name }) => snapshots::remove(repository, name),
        (Some(_), Command::RecordIndexSigned(index)) => record_index(repository, index),
    }
}

/// The words apt shows, derived once and then fixed by the event.
fn created(organisation: OrganisationName, name: RepositoryName, format: Format) -> Event {
    Event::Created {
        origin: organisation.to_string(),
        label: format!("{organisation}/{name}"),
        codename: "stable".to_owned(),
        organisation,
        name,
        format,
    }
}

fn check_format(expected: Format, package: &Package) -> Result<(), Refusal> {
    let actual = package.format();
    if actual == expected { Ok(()) } else { Err(Refusal::WrongFormat { expected, actual }) }
}

fn add_package(
    repository: &Repository,
    package: Package,
    release: Option<ReleaseId>,
    key_fingerprint: Option<String>,
) -> Result<Vec<Event>, Refusal> {
    match repository.packages.get(&Identity::of(&package)) {
        Some(Present { yanked: Some(yank), .. }) if yank.policy == YankPolicy::Hide => {
            let Identity { name, version, architecture } = Identity::of(&package);
            Err(Refusal::Yanked { name, version, architecture, reason: yank.reason.clone() })
        }
        Some(present) if present.sha256 == package.sha256 => Ok(vec![]),
        Some(present) => {
            let Identity { name, version, architecture } = Identity::of(&package);
            Err(Refusal::PackageDiffers { name, version, architecture, present: present.sha256 })
        }
        None if repository.packages.len() >= PACKAGES_MAX => Err(Refusal::Full),
        None => Ok(vec![Event::PackageAdded { package, release, key_fingerprint }]),
    }
}

fn resign_package(
    repository: &Repository,
    replaces: Sha256,
    package: Package,
    key_fingerprint: String,
) -> Result<Vec<Event>, Refusal> {
    match repository.packages.get(&Identity::of(&package)).filter(|present| !present.is_hidden()) {
        Some(Present { sha256, signed_with: Some(key), .. })
            if *sha256 == package.sha256 && **key == *key_fingerprint =>
        {
            Ok(vec![])
        }
        Some(present) if present.sha256 == replaces => {
            Ok(vec![Event::PackageResigned { replaces, package, key_fingerprint }])
        }
        _ => Err(Refusal::NotThere(replaces)),
    }
}

/// The same state may be signed again by other keys: during a rotation, and when a key is stolen.
fn record_index(repository: &Repository, index: SignedIndex) -> Result<Vec<Event>, Refusal> {
    if index.covers > repository.revision {
        return Err(Refusal::IndexAhead);
    }
    match &repository.last_signed {
        Some(last) if index.covers < last.covers => Err(Refusal::IndexSuperseded),
        Some(last) if index.covers == last.covers && index.signers() == last.signers => Err(Refusal::IndexSuperseded),
        Some(last) if index.published_at.timestamp() <= last.published_at.timestamp() => Err(Refusal::IndexNotLater),
        _ => Ok(vec![Event::IndexSigned(index)]),
    }
}
