//! The blobs that an event refers to.

#[cfg(test)]
mod tests;

use super::Event;
use crate::{
    delivery,
    digest::Sha256,
    keyring,
    package::{Facts, FileList, Package},
    release,
    repository::{self, IndexFile, SignedIndex, Stored},
};

/// The kind of a blob, which decides how it can be verified beyond its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlobKind {
    /// A package, a signed text, a signature, a build's log: its digest is enough.
    Whole,
    /// The list of a file's pieces, each a blob itself (see decision 0002).
    Segmented,
}

/// The blobs that `event` names, in its order; some may be there twice. The pieces of segmented files are named by the
/// segmented files themselves.
#[must_use]
pub fn blobs(event: &Event) -> Vec<(Sha256, BlobKind)> {
    let mut named = Vec::new();
    let mut whole = |sha256: Sha256| named.push((sha256, BlobKind::Whole));
    match event {
        Event::Repository(
            repository::Event::PackageAdded { package, .. } | repository::Event::PackageResigned { package, .. },
        )
        | Event::Release(release::Event::PackageReady { package, .. }) => of_package(package).for_each(whole),
        Event::Release(release::Event::PackageBuilt { built, .. }) => {
            whole(built.sha256);
            whole(built.log);
        }
        Event::Release(release::Event::Failed { log: Some(log), .. }) => whole(*log),
        Event::Repository(
            repository::Event::PackageYanked { sha256, .. } | repository::Event::PackageRestored { sha256 },
        )
        | Event::Keyring(keyring::Event::InstallerPublished { sha256, .. }) => whole(*sha256),
        Event::Repository(repository::Event::IndexSigned(index)) => return of_index(index).collect(),
        Event::Account(_)
        | Event::CiProof(_)
        | Event::Delivery(delivery::Event::Received { .. })
        | Event::Keyring(_)
        | Event::Organisation(_)
        | Event::Project(_)
        | Event::Release(_)
        | Event::Repository(
            repository::Event::Created { .. }
            | repository::Event::YankPolicySet { .. }
            | repository::Event::SnapshotTaken { .. }
            | repository::Event::SnapshotRemoved { .. },
        )
        | Event::SigningKey(_) => {}
    }
    named
}

fn of_package(package: &Package) -> impl Iterator<Item = Sha256> {
    let files = match &package.facts {
        Facts::Rpm(rpm) => match &rpm.files {
            FileList::Blob(files) => Some(*files),
            FileList::Inline(_) => None,
        },
        Facts::Deb(_) => None,
    };
    [package.sha256].into_iter().chain(files)
}

fn of_index(index: &SignedIndex) -> impl Iterator<Item = (Sha256, BlobKind)> {
    index.all_files().filter_map(|IndexFile { sha256, stored, .. }| match stored {
        Stored::Blob => Some((*sha256, BlobKind::Whole)),
        Stored::Segmented(segmented_file) => Some((*segmented_file, BlobKind::Segmented)),
        Stored::Unserved => None,
    })
}
