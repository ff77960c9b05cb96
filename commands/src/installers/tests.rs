//! What the publisher makes of a log, whenever it begins to follow it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    event::{self, Event},
    ids::RepositoryId,
    keyring::{self, Keyring},
    names::{OrganisationName, RepositoryName},
    package::Format,
    recorded::{Actor, Position},
    repository::{self, Repository},
};
use event_log::{
    event_store::{Filter, Follower, sqlite::SqliteEventStore},
    execute::Context,
};
use signing::Algorithm;
use stores::secrets::Secrets;
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::timeout};
use workers::Kernel;

use super::*;
use crate::{
    packages::finish,
    signing_keys::{Making, TrustedCertificates},
};

/// Long enough for everything here, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A script that says its repository, the generation, and how many certificates there are.
struct Says {
    word: &'static str,
    trusted: TrustedCertificates,
}

impl InstallerScripts for Says {
    fn script(&self, of: &InstallerOf, generation: u32) -> Result<String, BoxError> {
        let certificates = self.trusted.now().len();
        Ok(format!("echo {} {}/{} {generation} {certificates}\n", self.word, of.organisation, of.name))
    }
}

struct World {
    folder: TempDir,
    executor: Arc<Executor>,
    keys: SigningKeys,
    blobs: Blobs,
}

impl World {
    async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let store = SqliteEventStore::open(&folder.path().join("log.sqlite")).await.expect("a log");
        let executor = Arc::new(Executor::new(Arc::new(store), Utc::now));
        let path = |name: &str| folder.path().join(name);
        let secrets = Arc::new(Secrets::open(&path("secrets"), &path("master.key")).expect("a secret store"));
        let making = Making {
            algorithm: Algorithm::Ed25519Legacy,
            user_id: "Acme <packages@acme.example>".into(),
            valid_for: None,
        };
        Self {
            keys: SigningKeys::open(executor.clone(), secrets, making).await.expect("signing keys"),
            executor,
            blobs: Blobs::local(folder.path().join("blobs")).expect("a store"),
            folder,
        }
    }

    async fn create(&self, organisation: &str, name: &str, format: Format) -> RepositoryId {
        let (organisation, name): (OrganisationName, RepositoryName) =
            (organisation.parse().expect("a name"), name.parse().expect("a name"));
        let id = RepositoryId::named(&organisation, &name);
        let create = repository::Command::Create { organisation, name, format };
        self.executor.execute::<Repository>(id.0, create, &context()).await.expect("it is created");
        id
    }

    async fn roll(&self, repository: RepositoryId) {
        let roll = keyring::Command::Roll { replacements: vec![], now: Utc::now() };
        self.executor.execute::<Keyring>(repository.0, roll, &context()).await.expect("it is rolled");
    }

    fn publisher(&self, says: &'static str) -> InstallerPublisher {
        InstallerPublisher {
            executor: self.executor.clone(),
            blobs: self.blobs.clone(),
            keys: self.keys.clone(),
            scripts: Arc::new(Says { word: says, trusted: self.keys.trusted() }),
            published: PublishedInstallers::default(),
            folder: self.folder.path().to_owned(),
        }
    }

    /// A publisher at work. Dropped with the test's runtime, or aborted.
    async fn start(&self, says: &'static str) -> (JoinHandle<()>, PublishedInstallers) {
        let publisher = self.publisher(says);
        let published = publisher.published.clone();
        (tokio::spawn(self.kernel().await.run(publisher)), published)
    }

    async fn kernel(&self) -> Kernel {
        let states = self.folder.path().join("workers.sqlite");
        Kernel::open(self.executor.store().clone(), states).await.expect("a kernel")
    }

    /// The names of the package files of the repository and the numbers that were recorded, once there are so many.
    async fn published(&self, repository: RepositoryId, count: usize) -> (Vec<String>, Vec<u32>) {
        let names = ["repository.package_added", "keyring.installer_published"];
        let mut follower = Follower::new(self.executor.store().clone(), Position(0), Filter::names(names));
        let (mut files, mut numbers) = (vec![], vec![]);
        let reading = async {
            while numbers.len() < count {
                let page = follower.next_page().await.expect("the log is readable");
                for recorded in page.events.iter().filter(|recorded| recorded.stream.id() == repository.0) {
                    match event::decode(&recorded.event).expect("an event") {
                        Event::Repository(repository::Event::PackageAdded { package, .. }) => {
                            assert!(self.blobs.contains(package.sha256).await.expect("known"), "bytes come first");
                            files.push(package.file_name);
                        }
                        Event::Keyring(keyring::Event::InstallerPublished { number, .. }) => numbers.push(number),
                        _ => {}
                    }
                }
            }
        };
        timeout(SOON, reading).await.expect("it is published soon");
        (files, numbers)
    }
}

fn context() -> Context {
    Context::of_worker("test", None)
}

#[tokio::test]
async fn a_repository_has_its_installer_soon_after_it_is_created() {
    let world = World::new().await;
    let (_worker, published) = world.start("a").await;
    let debs = world.create("acme", "debs", Format::Deb).await;
    let rpms = world.create("acme", "rpms", Format::Rpm).await;
    assert_eq!(world.published(debs, 1).await, (vec!["pkgdeploy-acme-debs_1.1_all.deb".to_owned()], vec![1]));
    assert_eq!(world.published(rpms, 1).await, (vec!["pkgdeploy-acme-rpms-1.1-1.noarch.rpm".to_owned()], vec![1]));
    assert!(published.first(debs, SOON).await.is_some(), "a waiter gets its state");
    assert_eq!((published.newest(debs), published.newest(rpms)), (1, 1));
}

#[tokio::test]
async fn a_roll_brings_a_new_version_and_a_restart_none() {
    let world = World::new().await;
    let debs = world.create("acme", "debs", Format::Deb).await;
    let (worker, _) = world.start("a").await;
    world.published(debs, 1).await;
    worker.abort();
    let (worker, published) = world.start("a").await;
    world.roll(debs).await;
    assert_eq!(world.published(debs, 2).await.1, [1, 2]);
    assert_eq!(published.newest(debs), 2);
    worker.abort();
    // A repository that is created after the restart is the sign that the restarted worker has looked at the first one.
    let (_worker, _) = world.start("a").await;
    let other = world.create("acme", "other", Format::Deb).await;
    world.published(other, 1).await;
    assert_eq!(world.published(debs, 2).await.1, [1, 2]);
}

#[tokio::test]
async fn a_key_that_is_announced_brings_a_new_version_to_every_repository() {
    let world = World::new().await;
    let (_worker, _) = world.start("a").await;
    let repositories =
        [world.create("acme", "debs", Format::Deb).await, world.create("acme", "rpms", Format::Rpm).await];
    for repository in repositories {
        world.published(repository, 1).await;
    }
    world.keys.prepare_next(&Context::of(Actor::CommandLine)).await.expect("a key");
    for repository in repositories {
        assert_eq!(world.published(repository, 2).await.1, [1, 2]);
    }
}

#[tokio::test]
async fn other_content_brings_a_new_version_after_a_restart() {
    let world = World::new().await;
    let debs = world.create("acme", "debs", Format::Deb).await;
    let (worker, _) = world.start("a").await;
    world.published(debs, 1).await;
    worker.abort();
    let (_worker, _) = world.start("b").await;
    assert_eq!(world.published(debs, 2).await.1, [1, 2]);
}

/// Puts the package of this publisher into the repository, and crashes before it is recorded.
async fn crash_before_recording(world: &World, repository: RepositoryId, says: &'static str) {
    let of = InstallerOf {
        repository,
        organisation: "acme".parse().expect("a name"),
        name: "debs".parse().expect("a name"),
        format: Format::Deb,
        codename: "stable".to_owned(),
        dated: created_at(world).await,
    };
    let script = Says { word: says, trusted: world.keys.trusted() }.script(&of, 1).expect("a script");
    let folder = TempDir::new().expect("a folder");
    let written = pack(&of, 1, Holds::NoKey, &script, folder.path()).expect("a package");
    let finished = finish(written.path, world.keys.now().current.clone()).await.expect("a package");
    finished.store(&world.blobs).await.expect("it is stored");
    let add = repository::Command::AddInstaller {
        package: Box::new(finished.package),
        key_fingerprint: finished.key_fingerprint,
    };
    world.executor.execute::<Repository>(repository.0, add, &context()).await.expect("it is added");
}

async fn created_at(world: &World) -> DateTime<Utc> {
    let filter = Filter::names(["repository.created"]);
    let page = world.executor.store().read_all(Position(0), &filter, 1).await.expect("the log is readable");
    page.events[0].metadata.recorded_at
}

#[tokio::test]
async fn a_crash_before_the_record_leads_to_the_same_package_or_if_its_content_has_changed_to_the_next_number() {
    for (left_by_the_crash, files, number) in [("a", 1, 1), ("b", 2, 2)] {
        let world = World::new().await;
        let debs = world.create("acme", "debs", Format::Deb).await;
        crash_before_recording(&world, debs, left_by_the_crash).await;
        let (_worker, _) = world.start("a").await;
        let (found, numbers) = world.published(debs, 1).await;
        assert_eq!((found.len(), numbers), (files, vec![number]), "{found:?}");
    }
}

#[tokio::test]
async fn names_too_long_for_a_package_leave_a_repository_without_an_installer_and_nobody_waiting() {
    let world = World::new().await;
    let (_worker, published) = world.start("a").await;
    let long = world.create(&"o".repeat(63), &"r".repeat(63), Format::Deb).await;
    let debs = world.create("acme", "debs", Format::Deb).await;
    world.published(debs, 1).await;
    assert_eq!((published.first(long, SOON).await, published.newest(long)), (None, 0));
}

#[tokio::test]
async fn who_makes_none_is_told_of_what_is_published_before_it_started_and_after() {
    let world = World::new().await;
    let debs = world.create("acme", "debs", Format::Deb).await;
    let (_worker, _) = world.start("a").await;
    world.published(debs, 1).await;
    let followed = async || {
        let published = PublishedInstallers::default();
        let (mut progress, run) = world.kernel().await.follow(FollowedInstallers(published.clone()));
        let running = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(run));
        timeout(SOON, progress.live()).await.expect("it reads the log");
        (published, progress, running)
    };
    let (published, mut progress, running) = followed().await;
    assert_eq!(published.newest(debs), 1);
    world.roll(debs).await;
    world.published(debs, 2).await;
    let head = world.executor.store().head().await.expect("readable");
    timeout(SOON, progress.until(|status| status.saved >= head)).await.expect("it follows").expect("it runs");
    assert_eq!(published.newest(debs), 2);
    drop(running);
    let (published, progress, _running) = followed().await;
    assert_eq!((published.newest(debs), progress.status().folded), (2, 0), "by what is on disk alone");
}
