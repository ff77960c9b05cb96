//! A project and its releases: from a trigger through every step into the repository. Some fail.

use bytes::Bytes;
use chrono::TimeDelta;
use domain::{
    config::Architecture,
    delivery,
    digest::Sha256,
    event::Event,
    ids::{DeliveryId, EventId, ProjectId, ReleaseId, RepositoryId, TokenId},
    names::{OrganisationName, ProjectName, TagName},
    package::{DebFacts, Facts, Format, Package},
    project::{self, Scopes, Trigger},
    recorded::Actor,
    release::{self, BuiltPackage, PlannedPackage, Step},
    repository,
    version::ReleaseVersion,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use stores::blobs::Blobs;

use super::{Outcome, log::Log, now, tick};

/// About how many events a release is: with a delivery for half of them, and some that fail.
pub(super) const EVENTS_EACH: f64 = 11.0;
/// One release of so many fails, if there are as many in a round.
const FAILS_EVERY: usize = 10;
/// Blobs that are stored at the same time: each waits for the disk.
const PUTS_AT_ONCE: usize = 32;
/// What every build says.
const BUILD_LOG: &[u8] = b"building\n";

/// A project that releases into one repository.
pub(super) struct Project {
    pub(super) repository: RepositoryId,
    /// What was released, oldest first.
    pub(super) packages: Vec<Sha256>,
    organisation: OrganisationName,
    id: ProjectId,
    name: ProjectName,
    trigger: Trigger,
    token: TokenId,
    released: usize,
}

impl Project {
    /// Adds the project and its token. Every second one is released by GitHub's webhook.
    pub(super) fn add(
        log: &mut Log,
        organisation: OrganisationName,
        n: usize,
        repository: RepositoryId,
        operator: &Actor,
    ) -> Self {
        let name: ProjectName = format!("project-{n}").parse().expect("a name");
        let id = ProjectId::named(&organisation, &name);
        let trigger = if n.is_multiple_of(2) { Trigger::ApiEndpoint } else { Trigger::GithubWebhook };
        let token = TokenId(log.id());
        let source = format!("https://example.org/{organisation}/{name}.git");
        let added = project::Event::Added { organisation: organisation.clone(), name: name.clone(), source, trigger };
        let issued = project::Event::ApiTokenIssued {
            token,
            secret_sha256: log.digest(),
            name: None,
            scopes: Scopes::default(),
            expires_at: None,
            job: None,
        };
        log.push("project", id.0, vec![added.into(), issued.into()], operator, None);
        Self { repository, packages: vec![], organisation, id, name, trigger, token, released: 0 }
    }

    /// Makes so many releases. The last one succeeds, so that there is something to publish.
    pub(super) async fn release(&mut self, log: &mut Log, blobs: &Blobs, releases: usize) -> Outcome<()> {
        let mut files = vec![Bytes::from_static(BUILD_LOG)];
        for left in (0..releases).rev() {
            self.released += 1;
            let fails = left > 0 && self.released.is_multiple_of(FAILS_EVERY);
            files.extend(self.one(log, fails));
            log.flush_some().await?;
        }
        stream::iter(files)
            .map(|file| blobs.put_bytes(file))
            .buffer_unordered(PUTS_AT_ONCE)
            .try_for_each(|_digest| async { Ok(()) })
            .await?;
        Ok(())
    }

    /// One release; answers its package, if it has one.
    fn one(&mut self, log: &mut Log, fails: bool) -> Option<Bytes> {
        tick(TimeDelta::seconds(90));
        let tag: TagName = format!("v1.0.{}", self.released).parse().expect("a tag");
        let version = ReleaseVersion::from_tag(&tag).expect("a version");
        let release = ReleaseId(log.id());
        let because = self.trigger(log, &tag, &version, release);
        let worker = Actor::Worker { name: "releases".into() };
        let content = Bytes::from(format!("{} {}\n", self.name, tag));
        let package = self.package(&version, &content);
        let (built, config) = (self.built(&package), ".pkgdeploy/config.yml".to_owned());
        let mut steps: Vec<release::Event> = vec![
            release::Event::Received { organisation: self.organisation.clone(), project: self.id, tag, version },
            release::Event::BuildSlotGranted,
            release::Event::CodeCheckedOut {
                commit: log.digest().to_string().parse().expect("a commit"),
                committed_at: now() - TimeDelta::minutes(5),
            },
            release::Event::ConfigValidated { packages: vec![planned(&config, &package)] },
            release::Event::BuildSetUp { config: config.clone(), root: "debian12".into() },
        ];
        if fails {
            steps.push(release::Event::Failed {
                step: Step::Building,
                code: "command_failed".into(),
                message: "make exited with status 2".into(),
                log: Some(built.log),
            });
            log.push("release", release.0, facts(steps), &worker, Some(because));
            return None;
        }
        steps.push(release::Event::PackageBuilt { config: config.clone(), built });
        steps.push(release::Event::PackageReady {
            config: config.clone(),
            package: package.clone(),
            key_fingerprint: None,
        });
        log.push("release", release.0, facts(steps), &worker, Some(because));
        self.packages.push(package.sha256);
        let added = repository::Event::PackageAdded { package, release: Some(release), key_fingerprint: None };
        log.push("repository", self.repository.0, vec![added.into()], &worker, Some(because));
        let uploaded = release::Event::PackageUploaded { config, repository: self.repository };
        log.push("release", release.0, facts(vec![uploaded, release::Event::Uploaded]), &worker, Some(because));
        Some(content)
    }

    /// What asked for it: the event that everything else follows from.
    fn trigger(&self, log: &mut Log, tag: &TagName, version: &ReleaseVersion, release: ReleaseId) -> EventId {
        let (actor, because) = match self.trigger {
            Trigger::ApiEndpoint => (Actor::ApiToken { token: self.token }, None),
            Trigger::GithubWebhook => {
                let guid: delivery::DeliveryGuid = log.id().to_string().parse().expect("a GUID");
                let id = DeliveryId::named(self.id, &guid);
                let received = delivery::Event::Received {
                    project: self.id,
                    delivery: guid,
                    hook_event: "push".into(),
                    repository_id: Some(7),
                    outcome: delivery::Outcome::Tag { tag: tag.clone() },
                };
                let received = log.push("delivery", id.0, vec![received.into()], &Actor::GithubWebhook, None);
                (Actor::Worker { name: "deliveries".into() }, received.first().copied())
            }
        };
        let accepted = project::Event::TriggerAccepted {
            tag: tag.clone(),
            version: version.clone(),
            release,
            idempotency_key: None,
        };
        log.push("project", self.id.0, vec![accepted.into()], &actor, because)[0]
    }

    fn package(&self, version: &ReleaseVersion, content: &Bytes) -> Package {
        let (name, version) = (self.name.as_str(), version.as_str());
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: Acme <s@example.com>\n\
             Installed-Size: {}\nDepends: libc6 (>= 2.34), libssl3 (>= 3.0.0), adduser\nSection: net\n\
             Priority: optional\nDescription: a program for the big log\n It is as long as Debian's usual ones are.",
            self.released
        );
        Package {
            file_name: format!("{name}_{version}_amd64.deb"),
            sha256: Sha256::of(content),
            size_bytes: content.len() as u64,
            facts: Facts::Deb(DebFacts {
                package: name.into(),
                version: version.into(),
                architecture: "amd64".into(),
                control,
            }),
        }
    }

    fn built(&self, package: &Package) -> BuiltPackage {
        BuiltPackage {
            file_name: package.file_name.clone(),
            sha256: package.sha256,
            size_bytes: package.size_bytes,
            log: Sha256::of(BUILD_LOG),
        }
    }
}

fn planned(config: &str, package: &Package) -> PlannedPackage {
    PlannedPackage {
        config: config.to_owned(),
        name: package.name().parse().expect("a name"),
        format: Format::Deb,
        architecture: Architecture::Bits64,
        distribution: "debian12".into(),
    }
}

fn facts(events: Vec<release::Event>) -> Vec<Event> {
    events.into_iter().map(Event::from).collect()
}
