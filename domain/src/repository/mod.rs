//! Repositories: which packages are in, who signed them, and which of their states were signed.

mod commands;
mod decide;
mod events;
mod point;
mod snapshots;
#[cfg(test)]
mod tests;
mod yank;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};

pub use self::{
    commands::{Command, PACKAGES_MAX, Refusal},
    events::{CoSigner, Event, IndexFile, SignedIndex, Stated, Stored},
    point::{Compact, InvalidPoint, NEWEST, Point},
    snapshots::NAMES_MAX as SNAPSHOT_NAMES_MAX,
    yank::{InvalidYankPolicy, InvalidYankReason, YANK_REASON_MAX_CHARS, YankPolicy, YankReason},
};
use self::{snapshots::Snapshots, yank::Yank};
use crate::{
    aggregate::Aggregate,
    digest::Sha256,
    names::PackageName,
    package::{Format, Package},
    recorded::Revision,
};

/// An APT or YUM repository, if it was created.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Repository {
    format: Option<Format>,
    /// What its installer is called; none if the names are too long for a package.
    installer: Option<PackageName>,
    packages: BTreeMap<Identity, Present>,
    /// How many packages bear each key's signature; under none, those whose event does not name a key.
    signed_with: BTreeMap<Option<Arc<str>>, usize>,
    /// How many facts are folded in.
    revision: Revision,
    /// The last fact that changed what clients can see: what the next index has to cover.
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
    signers: BTreeSet<String>,
}

/// The file in which a package is there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Present {
    sha256: Sha256,
    /// A handful of keys signed all packages: their names are shared.
    signed_with: Option<Arc<str>>,
    /// Most never are.
    yanked: Option<Box<Yank>>,
}

impl Present {
    /// Later publications are without it. Its identity stays taken.
    fn is_hidden(&self) -> bool {
        self.yanked.as_ref().is_some_and(|yank| yank.policy == YankPolicy::Hide)
    }
}

/// What a package manager takes for the same package: two different files of one identity would break clients.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    name: String,
    version: String,
    architecture: String,
}

impl Identity {
    fn of(package: &Package) -> Self {
        Self {
            name: package.name().to_owned(),
            version: package.version(),
            architecture: package.architecture().to_owned(),
        }
    }
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

    /// The newest signed state, if one was signed.
    #[must_use]
    pub fn signed_up_to(&self) -> Option<Revision> {
        self.last_signed.as_ref().map(|last| last.covers)
    }

    /// Whether a package bears the signature of the key with this fingerprint. `None` asks for rpms whose event does
    /// not name their key: the first one.
    #[must_use]
    pub fn bears_signature_of(&self, key_fingerprint: Option<&str>) -> bool {
        self.signed_with.iter().any(|(key, count)| key.as_deref() == key_fingerprint && *count > 0)
    }

    /// The files of the packages that bear the signature of that key, up to `limit`.
    #[must_use]
    pub fn signed_by(&self, key_fingerprint: Option<&str>, limit: usize) -> Vec<Sha256> {
        let theirs = self
            .packages
            .values()
            .filter(|present| present.signed_with.as_deref() == key_fingerprint && !present.is_hidden());
        theirs.map(|present| present.sha256).take(limit).collect()
    }

    /// The package that is there, or hidden, in that file.
    fn in_file(&self, sha256: Sha256) -> Option<(&Identity, &Present)> {
        self.packages.iter().find(|(_, present)| present.sha256 == sha256)
    }

    /// Yanks a package, or restores it. Returns whether that changes what clients can see.
    fn set_yanked(&mut self, sha256: Sha256, yank: Option<Yank>) -> bool {
        let Some(present) = self.packages.values_mut().find(|present| present.sha256 == sha256) else { return false };
        let was_hidden = present.is_hidden();
        present.yanked = yank.map(Box::new);
        let is_hidden = present.is_hidden();
        let count = self.signed_with.entry(present.signed_with.clone()).or_default();
        match (was_hidden, is_hidden) {
            (false, true) => *count = count.saturating_sub(1),
            (true, false) => *count += 1,
            _ => {}
        }
        was_hidden != is_hidden
    }

    fn put(&mut self, package: &Package, key_fingerprint: Option<&str>) {
        let known = self.signed_with.keys().find(|key| key.as_deref() == key_fingerprint).cloned();
        let signed_with = known.unwrap_or_else(|| key_fingerprint.map(Arc::from));
        *self.signed_with.entry(signed_with.clone()).or_default() += 1;
        let identity = Identity::of(package);
        // A package that is signed anew stays marked.
        let yanked = self.packages.get(&identity).and_then(|before| before.yanked.clone());
        let present = Present { sha256: package.sha256, signed_with, yanked };
        if let Some(before) = self.packages.insert(identity, present)
            && let Some(count) = self.signed_with.get_mut(&before.signed_with)
        {
            *count = count.saturating_sub(1);
        }
    }
}

impl Aggregate for Repository {
    const KIND: &'static str = "repository";
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
            Event::PackageAdded { package, key_fingerprint, .. } => self.put(package, key_fingerprint.as_deref()),
            Event::PackageResigned { package, key_fingerprint, .. } => self.put(package, Some(key_fingerprint)),
            Event::PackageYanked { sha256, reason, policy } => {
                if !self.set_yanked(*sha256, Some(Yank { reason: reason.clone(), policy: *policy })) {
                    return;
                }
            }
            Event::PackageRestored { sha256 } => {
                if !self.set_yanked(*sha256, None) {
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
}
