#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use domain::{
    config::Architecture,
    digest::Sha256,
    names::TagName,
    organisation,
    package::{DebFacts, Facts, Format, Package},
    project,
    release::{self, BuiltPackage, PlannedPackage, Step},
    repository,
    version::ReleaseVersion,
};
use uuid::Uuid;

use super::*;
use crate::testing::{Running, World, at, dump};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn received(tag: &str) -> release::Event {
    let tag: TagName = tag.parse().unwrap();
    let version = ReleaseVersion::from_tag(&tag).unwrap();
    let project = ProjectId(Uuid::from_u128(2));
    release::Event::Received { organisation: "acme".parse().unwrap(), project, tag, version }
}

fn planned(config: &str, format: Format) -> PlannedPackage {
    PlannedPackage {
        config: config.into(),
        name: "hello".parse().unwrap(),
        format,
        architecture: Architecture::Bits64,
        distribution: "debian12".into(),
    }
}

impl World {
    async fn release(&self, running: &Running, events: impl IntoIterator<Item = release::Event>) -> ReleaseId {
        let id = ReleaseId(Uuid::from_u128(77));
        for (second, event) in (100..).zip(events) {
            running.shows(self.log.append("release", id.0, second, event)).await;
        }
        id
    }
}

/// `step state` of each step.
async fn steps(running: &Running, id: ReleaseId) -> Vec<String> {
    let steps = running.dashboard.steps(id).await.unwrap();
    steps.iter().map(|step| format!("{} {}", step.step.as_str(), step.state)).collect()
}

fn deb(file_name: &str) -> Package {
    let facts = DebFacts {
        package: "hello".into(),
        version: "1.0".into(),
        architecture: "amd64".into(),
        control: "Package: hello".into(),
    };
    Package { file_name: file_name.into(), sha256: Sha256::of(b"signed"), size_bytes: 6, facts: Facts::Deb(facts) }
}

fn until_built() -> Vec<release::Event> {
    let packages = vec![planned("a.yml", Format::Deb), planned("b.yml", Format::Rpm)];
    let built = |config: &str| release::Event::PackageBuilt {
        config: config.into(),
        built: BuiltPackage {
            file_name: format!("{config}.pkg"),
            sha256: Sha256::of(b"built"),
            size_bytes: 5,
            log: Sha256::of(b"log"),
        },
    };
    vec![
        received("v1.0"),
        release::Event::BuildSlotGranted,
        release::Event::CodeCheckedOut { commit: COMMIT.parse().unwrap(), committed_at: at(1) },
        release::Event::ConfigValidated { packages },
        release::Event::BuildSetUp { config: "a.yml".into(), root: "rootfs debian12".into() },
        built("a.yml"),
        release::Event::BuildSetUp { config: "b.yml".into(), root: "the host's own root".into() },
        built("b.yml"),
    ]
}

fn ready(config: &str) -> release::Event {
    release::Event::PackageReady { config: config.into(), package: deb("hello_1.0_amd64.deb"), key_fingerprint: None }
}

#[tokio::test]
async fn a_release_shows_each_step_and_each_package() {
    let world = World::new();
    let running = world.start().await;
    let repository = RepositoryId(Uuid::from_u128(9));
    let mut events = until_built();
    events.extend([ready("a.yml"), ready("b.yml")]);
    events.push(release::Event::PackageUploaded { config: "a.yml".into(), repository });
    events.push(release::Event::Uploaded);
    let id = world.release(&running, events).await;

    let release = running.dashboard.release(id).await.unwrap().unwrap();
    assert_eq!((release.state.as_str(), release.step.as_str()), ("uploaded", "uploaded"));
    assert_eq!((release.version.as_str(), release.commit.as_deref()), ("1.0", Some(COMMIT)));
    assert_eq!(release.finished_at.unwrap().timestamp(), 111);
    let all = Step::as_str;
    let expected = [
        Step::Received,
        Step::WaitingForBuildSlot,
        Step::CheckoutCode,
        Step::ValidateConfig,
        Step::SetupBuild,
        Step::Building,
        Step::Uploading,
        Step::Uploaded,
    ];
    assert_eq!(steps(&running, id).await, expected.map(|step| format!("{} done", all(step))));
    let uploading = &running.dashboard.steps(id).await.unwrap()[6];
    assert_eq!(uploading.started_at.timestamp(), 109, "when the last package was ready");

    let [a, b] = running.dashboard.packages(id).await.unwrap().try_into().unwrap();
    assert_eq!((a.root.as_deref(), a.repository), (Some("rootfs debian12"), Some(repository)));
    assert_eq!((a.sha256, a.log), (Some(Sha256::of(b"signed")), Some(Sha256::of(b"log"))));
    assert_eq!((a.architecture.as_str(), b.architecture.as_str(), b.repository), ("amd64", "x86_64", None));
}

#[tokio::test]
async fn a_failed_release_says_where_and_why() {
    let world = World::new();
    let running = world.start().await;
    let mut events = until_built();
    events.push(release::Event::Failed {
        step: Step::Building,
        code: "command_failed".into(),
        message: "make: exit 2".into(),
        log: Some(Sha256::of(b"log")),
    });
    let id = world.release(&running, events).await;
    assert_eq!(running.dashboard.release(id).await.unwrap().unwrap().state, ReleaseState::Failed);
    let last = running.dashboard.steps(id).await.unwrap().pop().unwrap();
    assert_eq!((last.step.as_str(), last.state.as_str()), ("building", "failed"));
    assert_eq!((last.code.as_deref(), last.message.as_deref()), (Some("command_failed"), Some("make: exit 2")));
    assert_eq!(last.log, Some(Sha256::of(b"log")));
}

fn set_up_failed() -> release::Event {
    release::Event::Failed {
        step: Step::SetupBuild,
        code: "requirement_not_found".into(),
        message: "there is no libfoo".into(),
        log: None,
    }
}

#[tokio::test]
async fn a_package_that_fails_behind_another_one_fails_at_its_own_step() {
    let world = World::new();
    let running = world.start().await;
    // The first package is being built while the second is set up.
    let mut events: Vec<_> = until_built().into_iter().take(5).collect();
    events.push(set_up_failed());
    let id = world.release(&running, events).await;
    let release = running.dashboard.release(id).await.unwrap().unwrap();
    assert_eq!((release.state, release.step), (ReleaseState::Failed, Step::SetupBuild));
    let [.., set_up, building] = &running.dashboard.steps(id).await.unwrap()[..] else { panic!("too few steps") };
    assert_eq!((set_up.step, set_up.state.as_str()), (Step::SetupBuild, "failed"));
    assert_eq!(set_up.code.as_deref(), Some("requirement_not_found"));
    assert_eq!((set_up.message.as_deref(), set_up.ended_at), (Some("there is no libfoo"), release.finished_at));
    assert_eq!((building.step, building.state.as_str()), (Step::Building, "cancelled"));
    assert_eq!((building.ended_at, &building.code, &building.message), (release.finished_at, &None, &None));
}

#[tokio::test]
async fn a_step_that_was_not_reached_can_fail() {
    let world = World::new();
    let running = world.start().await;
    let id = world.release(&running, [received("v1"), set_up_failed()]).await;
    assert_eq!(steps(&running, id).await, ["received done", "waiting_for_build_slot done", "setup_build failed"]);
    let last = running.dashboard.steps(id).await.unwrap().pop().unwrap();
    assert_eq!(last.code.as_deref(), Some("requirement_not_found"));
    assert_eq!(running.dashboard.release(id).await.unwrap().unwrap().step, Step::SetupBuild);
}

#[tokio::test]
async fn a_cancelled_release_ends_the_step_it_is_at() {
    let world = World::new();
    let running = world.start().await;
    let id = world.release(&running, [received("v1"), release::Event::Cancelled]).await;
    assert_eq!(steps(&running, id).await, ["received done", "waiting_for_build_slot cancelled"]);
}

#[tokio::test]
async fn the_rows_are_the_same_whether_events_come_one_by_one_or_all_at_once() {
    let world = World::new();
    let running = world.start().await;
    let mut events = until_built();
    events.extend([ready("a.yml"), set_up_failed()]);
    world.release(&running, events).await;
    let sent_on = [received("v2"), release::Event::BuildSlotGranted, release::Event::Cancelled];
    for (second, event) in (200..).zip(sent_on) {
        running.shows(world.log.append("release", Uuid::from_u128(78), second, event)).await;
    }
    let again = world.start_at("again.db").await;
    again.shows(world.log.append("release", Uuid::from_u128(79), 300, received("v3"))).await;
    running.progress.wait_for(again.progress.position()).await.unwrap();
    assert_eq!(dump(world.folder.path().join("again.db")).await, dump(world.read_models()).await);
}

#[tokio::test]
async fn releases_come_newest_first_in_pages() {
    let world = World::new();
    let running = world.start().await;
    let mut last = Position(0);
    let count = PAGE_MAX + 1;
    for n in 0..count {
        last = world.log.append("release", Uuid::from_u128(100 + u128::from(n)), 1, received(&format!("v{n}")));
    }
    running.shows(last).await;
    let acme = "acme".parse().unwrap();
    let first = running.dashboard.releases(Some(&acme), None, None, 2).await.unwrap();
    let tags = |page: &[Release]| page.iter().map(|release| release.tag.clone()).collect::<Vec<_>>();
    assert_eq!(tags(&first), [format!("v{}", count - 1), format!("v{}", count - 2)]);
    let project = first[0].project;
    let second = running.dashboard.releases(None, Some(project), Some(first[1].cursor), 2).await.unwrap();
    assert_eq!(tags(&second), [format!("v{}", count - 3), format!("v{}", count - 4)]);
    let all = running.dashboard.releases(None, None, None, u32::MAX).await.unwrap();
    assert_eq!(all.len(), PAGE_MAX as usize, "the limit of one answer");
    let other = "other".parse().unwrap();
    assert!(running.dashboard.releases(Some(&other), None, None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn things_are_found_by_name_and_by_id() {
    let world = World::new();
    let running = world.start().await;
    let organisation: domain::names::OrganisationName = "acme".parse().unwrap();
    let (project_name, repository_name) = ("web".parse().unwrap(), "apt".parse().unwrap());
    let id = OrganisationId::named(&organisation);
    let project = ProjectId::named(&organisation, &project_name);
    let repository = RepositoryId::named(&organisation, &repository_name);
    world.log.append("organisation", id.0, 1, organisation::Event::Created { name: organisation.clone() });
    world.log.append("organisation", id.0, 2, organisation::Event::BuildSlotsSet { slots: 5 });
    let added = project::Event::Added {
        organisation: organisation.clone(),
        name: project_name.clone(),
        source: "https://example.com/web.git".into(),
        trigger: project::Trigger::ApiEndpoint,
    };
    world.log.append("project", project.0, 3, added);
    let created = repository::Event::Created {
        organisation: organisation.clone(),
        name: repository_name.clone(),
        format: Format::Deb,
        origin: "acme".into(),
        label: "acme/apt".into(),
        codename: "stable".into(),
    };
    world.log.append("repository", repository.0, 4, created);
    let added = repository::Event::PackageAdded { package: deb("hello.deb"), release: None, key_fingerprint: None };
    running.shows(world.log.append("repository", repository.0, 5, added)).await;

    let dashboard = &running.dashboard;
    assert_eq!(dashboard.organisation(&organisation).await.unwrap().unwrap().build_slots, 5);
    assert_eq!(dashboard.organisations(None, 10).await.unwrap().len(), 1);
    assert!(dashboard.organisations(Some("acme"), 10).await.unwrap().is_empty());
    let found = dashboard.project(project).await.unwrap().unwrap();
    assert_eq!((found.id, found.trigger), (project, project::Trigger::ApiEndpoint));
    assert_eq!(dashboard.projects(Some(&organisation), 0, 10).await.unwrap(), [found]);
    let found = dashboard.repository(repository).await.unwrap().unwrap();
    assert_eq!((found.id, found.packages, found.format.as_str()), (repository, 1, "deb"));
    assert_eq!(dashboard.repositories(None, 0, 10).await.unwrap(), [found]);
    let [listed] = dashboard.repository_packages(repository, 0, 10).await.unwrap().try_into().unwrap();
    assert_eq!((listed.file_name.as_str(), listed.release), ("hello.deb", None));
    assert_eq!(listed.sha256, Sha256::of(b"signed"));
    let mut package = deb("hello.deb");
    package.sha256 = Sha256::of(b"signed again");
    let (replaces, key_fingerprint) = (Sha256::of(b"signed"), "CD".into());
    let resigned = repository::Event::PackageResigned { replaces, package, key_fingerprint };
    running.shows(world.log.append("repository", repository.0, 6, resigned)).await;
    let [listed] = dashboard.repository_packages(repository, 0, 10).await.unwrap().try_into().unwrap();
    assert_eq!(listed.sha256, Sha256::of(b"signed again"), "the same package in another file");
    assert_eq!(dashboard.project(ProjectId(Uuid::from_u128(1))).await.unwrap(), None);
}

#[tokio::test]
async fn a_project_shows_its_newest_deliveries_and_how_many_triggers_were_refused() {
    let world = World::new();
    let running = world.start().await;
    let project = ProjectId(Uuid::from_u128(2));
    let mut last = domain::recorded::Position(0);
    for n in 0..=DELIVERIES_KEPT_MAX {
        let received = domain::delivery::Event::Received {
            project,
            delivery: format!("d-{n}").parse().unwrap(),
            hook_event: "create".into(),
            repository_id: Some(7),
            outcome: domain::delivery::Outcome::Tag { tag: format!("v{n}").parse().unwrap() },
        };
        last = world.log.append("delivery", Uuid::from_u128(1_000 + u128::from(n)), i64::from(n), received);
    }
    running.shows(last).await;
    let deliveries = running.dashboard.deliveries(project, u32::MAX).await.unwrap();
    assert_eq!(deliveries.len(), DELIVERIES_KEPT_MAX as usize);
    assert_eq!(
        (&*deliveries[0].guid, deliveries[0].tag.as_deref(), &*deliveries[0].outcome),
        ("d-100", Some("v100"), "tag")
    );
    assert!(deliveries.iter().all(|delivery| delivery.guid != "d-0"), "the oldest has made room");
    assert_eq!(running.dashboard.deliveries(ProjectId(Uuid::from_u128(3)), 10).await.unwrap(), []);

    let refused = |count, first, last| project::Event::TriggersRefused {
        reason: project::TriggerRefused::WrongSignature,
        count,
        first_at: at(first),
        last_at: at(last),
    };
    world.log.append("project", project.0, 1, refused(2, 10, 20));
    running.shows(world.log.append("project", project.0, 2, refused(3, 30, 40))).await;
    let expected = RefusedTriggers { reason: "wrong_signature".into(), count: 5, first_at: at(10), last_at: at(40) };
    assert_eq!(running.dashboard.refused_triggers(project).await.unwrap(), [expected]);
}

#[tokio::test]
async fn a_project_shows_what_it_has_at_github_and_which_jobs_and_tags_it_releases() {
    let world = World::new();
    let running = world.start().await;
    let id = ProjectId(Uuid::from_u128(2));
    let secret = |n| domain::ids::SecretId(Uuid::from_u128(n));
    let release = ReleaseId(Uuid::from_u128(9));
    let tag = || -> TagName { "v1".parse().unwrap() };
    let trust = project::CiTrust {
        repository_id: 7,
        owner_id: 8,
        ref_pattern: "refs/tags/v*".parse().unwrap(),
        audience: None,
    };
    let step = project::GithubStep::InstallDeployKey;
    let events = [
        project::Event::Added {
            organisation: "acme".parse().unwrap(),
            name: "web".parse().unwrap(),
            source: "https://example.com/web.git".into(),
            trigger: project::Trigger::GithubWebhook,
        },
        project::Event::TagPatternSet { pattern: "v*".parse().unwrap() },
        project::Event::CiIdentityTrusted(trust.clone()),
        project::Event::GithubConnected {
            repository_id: 7,
            full_name: "acme/web".parse().unwrap(),
            api_url: "https://api.github.com".parse().unwrap(),
            credential: Some(secret(1)),
        },
        project::Event::WebhookSecretIssued { secret: secret(2) },
        project::Event::WebhookRegistered { hook_id: 70, secret: secret(2) },
        project::Event::GithubStepFailed { step, code: "forbidden".into(), message: "no".into() },
        project::Event::TriggerAccepted {
            tag: tag(),
            version: ReleaseVersion::from_tag(&tag()).unwrap(),
            release,
            idempotency_key: None,
        },
    ];
    let mut all: Vec<project::Event> = Vec::new();
    let mut last = domain::recorded::Position(0);
    for event in events {
        last = world.log.append("project", id.0, 3, event.clone());
        all.push(event);
    }
    let received = domain::delivery::Event::Received {
        project: id,
        delivery: "d-1".parse().unwrap(),
        hook_event: "create".into(),
        repository_id: Some(7),
        outcome: domain::delivery::Outcome::Tag { tag: tag() },
    };
    running.shows(world.log.append("delivery", Uuid::from_u128(1_000), 4, received)).await;
    let shown = async || running.dashboard.project(id).await.unwrap().unwrap();
    let project = shown().await;
    assert_eq!((project.tag_pattern.as_str(), project.ci_trust.as_ref()), ("v*", Some(&trust)));
    let folded = |all: &[project::Event]| domain::aggregate::fold::<project::Project>(all.iter().cloned());
    let aggregate = folded(&all);
    assert_eq!(project.connected(), aggregate.added().unwrap().connected());
    assert!(project.has_webhook());
    let [delivery] = running.dashboard.deliveries(id, 10).await.unwrap().try_into().unwrap();
    assert_eq!(delivery.release, Some(release));

    for event in [
        project::Event::TagFreed { tag: tag(), release },
        project::Event::CiIdentityDistrusted,
        project::Event::WebhookSecretIssued { secret: secret(3) },
    ] {
        last = world.log.append("project", id.0, 5, event.clone());
        all.push(event);
    }
    running.shows(last).await;
    let project = shown().await;
    assert_eq!((project.ci_trust.as_ref(), project.has_webhook()), (None, false), "it signs with the old secret");
    let [delivery] = running.dashboard.deliveries(id, 10).await.unwrap().try_into().unwrap();
    assert_eq!(delivery.release, None);
    running.shows(world.log.append("project", id.0, 6, project::Event::GithubDisconnected)).await;
    let project = shown().await;
    assert_eq!((project.connected(), project.webhook_secret), (None, None));
    assert_eq!(project.github.unwrap().webhooks.len(), 1, "it is to be removed");
}
