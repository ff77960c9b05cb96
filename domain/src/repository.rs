//! Repositories: their packages, the keys that signed them, and the signed states.

mod commands;
mod decide;
mod events;
mod packages;
mod point;
mod snapshots;
#[cfg(test)]
mod tests;
mod yank;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

pub use self::{
    commands::{Command, PACKAGES_MAX, Refusal},
    events::{CoSigner, Event, IndexFile, SignedIndex, Stated, Stored},
    point::{Compact, InvalidPoint, NEWEST, PointInTime},
    snapshots::NAMES_MAX as SNAPSHOT_NAMES_MAX,
    yank::{InvalidYankPolicy, InvalidYankReason, YANK_REASON_MAX_CHARS, YankPolicy, YankReason},
};
use self::{
    packages::{Identity, Packages, Present},
    snapshots::Snapshots,
    yank::Yank,
};
use crate::{
    aggregate::Aggregate,
    digest::Sha256,
    fingerprint::Fingerprint,
    names::PackageName,
    package::{Format, Package},
    recorded::Revision,
    stream_kind::StreamKind,
};

/// An APT or YUM repository, if it was created.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Repository {
    format: Option<Format>,
    /// What its installer is called; none if the names are too long for a package.
    installer: Option<PackageName>,
    packages: Packages,
    /// How many events are folded in.
    revision: Revision,
    /// The last event that changed what clients can see: what the next index has to cover.
    content_revision: Revision,
    last_signed: Option<LastSigned>,
    snapshots: Snapshots,
    /// What the next yank does.
    yank_policy: YankPolicy,
}

/// The newest publication.
#[derive(Debug, PartialEq, Eq)]
struct LastSigned {
    covers: Revision,
    published_at: DateTime<Utc>,
    signers: BTreeSet<Fingerprint>,
}

impl Repository {
    /// Deb or rpm; none if the repository does not exist.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// The last change of what clients can see. An index that covers it shows everything.
    #[must_use]
    pub fn content_revision(&self) -> Revision {
        self.content_revision
    }

    /// Whether the package is called like the repository's own installer.
    fn is_installer(&self, package: &Package) -> bool {
        self.installer.as_ref().is_some_and(|name| name.as_str() == package.name())
    }

    /// Whether a package has the signature of the key with this fingerprint. `None` asks for rpms whose event does
    /// not name their key: the first one.
    #[must_use]
    pub fn bears_signature_of(&self, key_fingerprint: Option<&Fingerprint>) -> bool {
        self.packages.signed_by(key_fingerprint).next().is_some()
    }

    /// The files of the packages that bear the signature of that key, up to `limit`.
    #[must_use]
    pub fn signed_by(&self, key_fingerprint: Option<&Fingerprint>, limit: usize) -> Vec<Sha256> {
        self.packages.signed_by(key_fingerprint).take(limit).collect()
    }
}

impl Aggregate for Repository {
    const KIND: StreamKind = StreamKind::Repository;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        decide::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        self.revision.0 += 1;
        match event {
            Event::Created { format, organisation, name, .. } => {
                self.format = Some(*format);
                self.installer = PackageName::of_installer(organisation, name).ok();
            }
            Event::PackageAdded { package, key_fingerprint, .. } => {
                self.packages.put(package, key_fingerprint.as_ref())
            }
            Event::PackageResigned { package, key_fingerprint, .. } => {
                self.packages.put(package, Some(key_fingerprint))
            }
            Event::PackageYanked { sha256, reason, policy } => {
                if !self.packages.set_yanked(*sha256, Some(Yank { reason: reason.clone(), policy: *policy })) {
                    return;
                }
            }
            Event::PackageRestored { sha256 } => {
                if !self.packages.set_yanked(*sha256, None) {
                    return;
                }
            }
            Event::YankPolicySet { policy } => {
                self.yank_policy = *policy;
                return;
            }
            Event::SnapshotTaken { name, published_at } => return self.snapshots.taken(name.clone(), *published_at),
            Event::SnapshotRemoved { name } => return self.snapshots.removed(name),
            Event::IndexSigned(index) => {
                let (covers, published_at) = (index.covers, index.published_at);
                self.snapshots.published(published_at);
                self.last_signed = Some(LastSigned { covers, published_at, signers: index.signers() });
                return;
            }
        }
        self.content_revision = self.revision;
    }

    fn weight_bytes(&self) -> usize {
        size_of::<Self>() + self.packages.weight_bytes() + self.snapshots.weight_bytes()
    }
}
