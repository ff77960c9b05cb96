//! Releases: the steps of one tag from a trigger to packages in the repositories.

mod commands;
mod events;
mod step;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

pub use self::{
    commands::{Command, MESSAGE_MAX_CHARS, Refusal},
    events::{BuiltPackage, Event, PlannedPackage},
    step::{InvalidStep, Step},
};
use crate::{
    aggregate::Aggregate,
    fingerprint::Fingerprint,
    ids::{ProjectId, RepositoryId},
    names::{OrganisationName, TagName},
    package::Package,
    project::CommitId,
    stream_kind::StreamKind,
    version::ReleaseVersion,
    weight::of_entries,
};

/// The state of a release.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Release {
    /// It was never triggered.
    #[default]
    Unknown,
    /// It is in progress.
    Running(Box<Running>),
    /// Its packages can be installed.
    Uploaded,
    /// It failed and will not be published.
    Failed,
    /// It was stopped.
    Cancelled,
}

/// The state of a release in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// What is released.
    pub origin: Origin,
    /// It has a build slot, so it may be built.
    pub has_build_slot: bool,
    /// What the tag pointed at when it was checked out.
    pub checkout: Option<Checkout>,
    /// Its packages by config file, once the configs are known to be good.
    pub packages: Option<BTreeMap<String, Progress>>,
}

/// What is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The organisation of its project.
    pub organisation: OrganisationName,
    /// The project.
    pub project: ProjectId,
    /// The git tag.
    pub tag: TagName,
    /// What the packages are called by.
    pub version: ReleaseVersion,
}

/// The commit that every later step builds, whatever happens to the tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The full object name.
    pub commit: CommitId,
    /// The committer's time: `SOURCE_DATE_EPOCH` of the build.
    pub committed_at: DateTime<Utc>,
}

/// The progress of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What its config promised.
    pub planned: PlannedPackage,
    /// How often its build was begun.
    pub setups: u32,
    /// The build's output as it came out of the build.
    pub built: Option<BuiltPackage>,
    /// The file that clients get: signed, if its format is.
    pub ready: Option<Package>,
    /// The key that signed it, full fingerprint.
    pub key_fingerprint: Option<Fingerprint>,
    /// Where it is already.
    pub uploaded_to: BTreeSet<RepositoryId>,
}

impl Release {
    /// Its state, if it is in progress.
    #[must_use]
    pub fn running(&self) -> Option<&Running> {
        match self {
            Self::Running(running) => Some(running),
            _ => None,
        }
    }
}

impl Aggregate for Release {
    const KIND: StreamKind = StreamKind::Release;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        commands::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        match (&mut *self, event) {
            (_, Event::Received { organisation, project, tag, version }) => {
                let (organisation, project) = (organisation.clone(), *project);
                let origin = Origin { organisation, project, tag: tag.clone(), version: version.clone() };
                *self =
                    Self::Running(Box::new(Running { origin, has_build_slot: false, checkout: None, packages: None }));
            }
            (_, Event::Uploaded) => *self = Self::Uploaded,
            (_, Event::Failed { .. }) => *self = Self::Failed,
            (_, Event::Cancelled) => *self = Self::Cancelled,
            (Self::Running(running), event) => running.evolve(event),
            _ => {}
        }
    }

    fn weight_bytes(&self) -> usize {
        size_of::<Self>() + self.running().map_or(0, Running::weight_bytes)
    }
}

impl Running {
    /// Every package is ready: they are being added to the repositories, one after the other.
    #[must_use]
    pub fn is_uploading(&self) -> bool {
        self.packages.as_ref().is_some_and(|packages| packages.values().all(|progress| progress.ready.is_some()))
    }

    /// The step it is at.
    #[must_use]
    pub fn step(&self) -> Step {
        match &self.packages {
            Some(_) if self.is_uploading() => Step::Uploading,
            Some(_) => Step::Building,
            None if self.checkout.is_some() => Step::ValidateConfig,
            None if self.has_build_slot => Step::CheckoutCode,
            None => Step::WaitingForBuildSlot,
        }
    }

    /// A config makes one package: there are few, and what some of them say of themselves is long.
    fn weight_bytes(&self) -> usize {
        let packages = || self.packages.iter().flat_map(BTreeMap::values);
        size_of::<Self>()
            + of_entries::<String, Progress>(packages().count(), 8)
            + packages().filter_map(|progress| progress.ready.as_ref()).map(Package::weight_bytes).sum::<usize>()
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::BuildSlotGranted => self.has_build_slot = true,
            Event::CodeCheckedOut { commit, committed_at } => {
                self.checkout = Some(Checkout { commit: commit.clone(), committed_at: *committed_at });
            }
            Event::ConfigValidated { packages } => {
                let progress = |planned: &PlannedPackage| Progress {
                    planned: planned.clone(),
                    setups: 0,
                    built: None,
                    ready: None,
                    key_fingerprint: None,
                    uploaded_to: BTreeSet::new(),
                };
                self.packages = Some(packages.iter().map(|p| (p.config.clone(), progress(p))).collect());
            }
            Event::BuildSetUp { config, .. } => self.change(config, |p| p.setups += 1),
            Event::PackageBuilt { config, built } => self.change(config, |p| p.built = Some(built.clone())),
            Event::PackageReady { config, package, key_fingerprint } => self.change(config, |p| {
                p.ready = Some(package.clone());
                p.key_fingerprint.clone_from(key_fingerprint);
            }),
            Event::PackageUploaded { config, repository } => {
                self.change(config, |p| {
                    p.uploaded_to.insert(*repository);
                });
            }
            Event::Received { .. } | Event::Uploaded | Event::Failed { .. } | Event::Cancelled => {}
        }
    }

    fn change(&mut self, config: &str, change: impl FnOnce(&mut Progress)) {
        if let Some(progress) = self.packages.as_mut().and_then(|packages| packages.get_mut(config)) {
            change(progress);
        }
    }
}
