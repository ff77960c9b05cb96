//! Decides which events follow from a command to a repository.

use super::{
    Command, Event, Identity, PACKAGES_MAX, Present, Refusal, Repository, SignedIndex, YankPolicy, YankReason,
    snapshots,
};
use crate::{
    digest::Sha256,
    fingerprint::Fingerprint,
    ids::ReleaseId,
    names::{OrganisationName, RepositoryName},
    package::{Format, Package},
};

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
        (Some(_), Command::YankPackage { sha256, reason }) => yank(repository, sha256, reason),
        (Some(_), Command::RestorePackage { sha256 }) => restore(repository, sha256),
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
    key_fingerprint: Option<Fingerprint>,
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
    key_fingerprint: Fingerprint,
) -> Result<Vec<Event>, Refusal> {
    match repository.packages.get(&Identity::of(&package)).filter(|present| !present.is_hidden()) {
        Some(Present { sha256, signed_with: Some(key), .. })
            if *sha256 == package.sha256 && *key == key_fingerprint =>
        {
            Ok(vec![])
        }
        Some(present) if present.sha256 == replaces => {
            Ok(vec![Event::PackageResigned { replaces, package, key_fingerprint }])
        }
        _ => Err(Refusal::NotThere(replaces)),
    }
}

fn yank(repository: &Repository, sha256: Sha256, reason: YankReason) -> Result<Vec<Event>, Refusal> {
    let (Identity { name, .. }, present) = repository.packages.in_file(sha256).ok_or(Refusal::NotThere(sha256))?;
    if repository.installer.as_ref().is_some_and(|installer| installer.as_str() == name) {
        return Err(Refusal::InstallersName(name.clone()));
    }
    match &present.yanked {
        Some(yank) if yank.reason == reason => Ok(vec![]),
        Some(yank) => Err(Refusal::YankedAlready(yank.reason.clone())),
        None => Ok(vec![Event::PackageYanked { sha256, reason, policy: repository.yank_policy }]),
    }
}

fn restore(repository: &Repository, sha256: Sha256) -> Result<Vec<Event>, Refusal> {
    match repository.packages.in_file(sha256) {
        None => Err(Refusal::NotThere(sha256)),
        Some((_, Present { yanked: None, .. })) => Ok(vec![]),
        Some(_) => Ok(vec![Event::PackageRestored { sha256 }]),
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
