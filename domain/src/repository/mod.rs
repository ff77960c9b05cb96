//! Repositories: which packages are in, and which of their states were signed.

mod commands;
mod events;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub use self::{
    commands::{Command, PACKAGES_MAX, Refusal},
    events::{Event, IndexFile, SignedIndex, Stored},
};
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
    packages: BTreeMap<Identity, Sha256>,
    /// How many facts are folded in.
    revision: Revision,
    /// The last fact that changed what clients can see: what the next index has to cover.
    content_revision: Revision,
    last_signed: Option<(Revision, DateTime<Utc>)>,
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
        self.last_signed.map(|(covers, _)| covers)
    }
}

impl Aggregate for Repository {
    const KIND: &'static str = "repository";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        commands::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        self.revision.0 += 1;
        match event {
            Event::Created { format, organisation, name, .. } => {
                self.format = Some(*format);
                self.installer = PackageName::of_installer(organisation, name).ok();
            }
            Event::PackageAdded { package, .. } => {
                self.packages.insert(Identity::of(package), package.sha256);
            }
            Event::IndexSigned(index) => {
                self.last_signed = Some((index.covers, index.published_at));
                return;
            }
        }
        self.content_revision = self.revision;
    }
}
