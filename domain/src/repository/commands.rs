//! What may be asked of a repository.

use super::{Event, Identity, Repository, SignedIndex};
use crate::{
    digest::Sha256,
    ids::ReleaseId,
    names::{OrganisationName, RepositoryName},
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
    },
    /// Take in a version of the repository's own installer, whose file is in the blob store.
    AddInstaller {
        /// The file and what it says of itself.
        package: Box<Package>,
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
    /// The limit is reached.
    #[error("a repository holds at most {PACKAGES_MAX} packages")]
    Full,
    /// Another signer was faster.
    #[error("a newer state of this repository is signed already")]
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
        (Some(format), Command::AddPackage { package, release }) => add_package(repository, format, *package, release),
        (Some(format), Command::AddInstaller { package }) => add_package(repository, format, *package, None),
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

fn add_package(
    repository: &Repository,
    expected: Format,
    package: Package,
    release: Option<ReleaseId>,
) -> Result<Vec<Event>, Refusal> {
    let actual = package.format();
    if actual != expected {
        return Err(Refusal::WrongFormat { expected, actual });
    }
    match repository.packages.get(&Identity::of(&package)) {
        Some(present) if *present == package.sha256 => Ok(vec![]),
        Some(&present) => {
            let Identity { name, version, architecture } = Identity::of(&package);
            Err(Refusal::PackageDiffers { name, version, architecture, present })
        }
        None if repository.packages.len() >= PACKAGES_MAX => Err(Refusal::Full),
        None => Ok(vec![Event::PackageAdded { package, release }]),
    }
}

fn record_index(repository: &Repository, index: SignedIndex) -> Result<Vec<Event>, Refusal> {
    if index.covers > repository.revision {
        return Err(Refusal::IndexAhead);
    }
    match repository.last_signed {
        Some((covers, _)) if index.covers <= covers => Err(Refusal::IndexSuperseded),
        Some((_, published_at)) if index.published_at.timestamp() <= published_at.timestamp() => {
            Err(Refusal::IndexNotLater)
        }
        _ => Ok(vec![Event::IndexSigned(index)]),
    }
}
