//! What the pipeline does when something goes wrong that no release can help.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use building::{RootFilesystems, Unmapped};
use chrono::{DateTime, Utc};
use domain::{
    config::Architecture,
    digest::Sha256,
    event::{self, Event},
    ids::ProjectId,
    names::TagName,
    package::{DebFacts, Facts, Package},
    project::{GitUrl, Trigger},
    recorded::{Actor, Position, RawEvent, Recorded, StreamId},
    release::{BuiltPackage, Command, Origin, PlannedPackage, Release, Step},
    version::ReleaseVersion,
};
use event_log::event_store::{
    AppendError, Appended, EventStore, Expected, Filter, Follower, LogReader, NewEvent, Page, ReadError,
    sqlite::SqliteEventStore,
};
use signing::Algorithm;
use stores::secrets::Secrets;
use tempfile::TempDir;
use tokio::{sync::watch, time::timeout};
use uuid::Uuid;
use workers::Kernel;

use super::*;
use crate::signing_keys::Making;

const CONFIG: &str = ".pkgdeploy/config.yml";
/// Long enough for everything here, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A log that does not take the first `project.tag_freed`.
struct Forgetful {
    store: SqliteEventStore,
    refuses: AtomicBool,
}

impl LogReader for Forgetful {
    fn read_all<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        self.store.read_all(after, filter, limit)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.store.head()
    }

    fn hint(&self) -> watch::Receiver<Position> {
        self.store.hint()
    }
}

impl EventStore for Forgetful {
    fn append<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        let frees = events.iter().any(|new| new.event.name == "project.tag_freed");
        if frees && self.refuses.swap(false, Ordering::Relaxed) {
            let source = "the disk is full".into();
            return Box::pin(async { Err(AppendError::Unavailable { ambiguous: false, source }) });
        }
        self.store.append(stream, expected, events)
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Recorded<RawEvent>>, ReadError>> {
        self.store.read_stream(stream, after, limit)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.store.close()
    }
}

/// Projected repositories with a defect.
struct Defective;

impl Repositories for Defective {
    fn of<'a>(&'a self, _: &'a OrganisationName, _: Format) -> BoxFuture<'a, Result<Vec<RepositoryId>, BoxError>> {
        panic!("a repository too many")
    }

    fn published(&self, _: RepositoryId, _: Revision) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

async fn pipeline(folder: &TempDir) -> Pipeline {
    let path = |name: &str| folder.path().join(name);
    let store = SqliteEventStore::open(path("log.sqlite")).await.expect("a log");
    let store = Forgetful { store, refuses: AtomicBool::new(true) };
    let builder = Builder::new(building::Settings {
        jobs: path("builds"),
        roots: RootFilesystems { mapped: BTreeMap::new(), folder: path("rootfs"), unmapped: Unmapped::Refuse },
        hidden: Vec::new(),
        environment: BTreeMap::new(),
        readable: BTreeMap::new(),
        limits: building::Limits::default(),
    });
    let executor = Arc::new(Executor::new(Arc::new(store), Utc::now));
    let secrets = Arc::new(Secrets::open(&path("secrets"), &path("master.key")).expect("a secret store"));
    let user_id = "Acme <packages@acme.example>".to_owned();
    let making = Making { algorithm: Algorithm::Ed25519Legacy, user_id, valid_for: None };
    let keys = SigningKeys::open(executor.clone(), secrets.clone(), making).await.expect("signing keys");
    Pipeline {
        executor,
        blobs: Blobs::local(path("blobs")).expect("a store"),
        secrets,
        git: Git::default(),
        builder: Arc::new(builder.expect("a builder")),
        keys,
        slots: Slots::new(1),
        repositories: Arc::new(Defective),
        jobs: path("jobs"),
    }
}

async fn execute<A: event_log::execute::Recordable>(pipeline: &Pipeline, id: Uuid, command: A::Command) {
    pipeline.executor.execute::<A>(id, command, &Context::of(Actor::CommandLine)).await.expect("executed");
}

/// A release whose only package is ready to be uploaded.
async fn ready_release(pipeline: &Pipeline) -> ReleaseId {
    let (organisation, name): (OrganisationName, _) =
        ("acme".parse().expect("a name"), "hello".parse().expect("a name"));
    let (project, id) = (ProjectId::named(&organisation, &name), ReleaseId(Uuid::from_u128(1)));
    let tag: TagName = "v1.0".parse().expect("a tag");
    let version = ReleaseVersion::from_tag(&tag).expect("a version");
    let source = GitUrl::parse("https://example.org/hello", false).expect("an address");
    let add = project::Command::Add { organisation: organisation.clone(), name, source, trigger: Trigger::ApiEndpoint };
    execute::<Project>(pipeline, project.0, add).await;
    let trigger = project::Command::Trigger {
        tag: tag.clone(),
        version: version.clone(),
        release: id,
        idempotency_key: None,
        by: Trigger::ApiEndpoint,
    };
    execute::<Project>(pipeline, project.0, trigger).await;
    let planned = PlannedPackage {
        config: CONFIG.into(),
        name: "hello".parse().expect("a name"),
        format: Format::Deb,
        architecture: Architecture::All,
        distribution: "debian12".into(),
    };
    let (file_name, sha256) = ("hello_1.0_all.deb".to_owned(), Sha256::of(b"deb"));
    let facts = Facts::Deb(DebFacts {
        package: "hello".into(),
        version: "1.0".into(),
        architecture: "all".into(),
        control: "Package: hello".into(),
    });
    let built = BuiltPackage { file_name: file_name.clone(), sha256, size_bytes: 3, log: Sha256::of(b"log") };
    let package = Box::new(Package { file_name, sha256, size_bytes: 3, facts });
    let commit = "c0ffee".repeat(7)[..40].parse().expect("a commit");
    for command in [
        Command::Receive(Origin { organisation, project, tag, version }),
        Command::GrantBuildSlot,
        Command::RecordCheckout { commit, committed_at: DateTime::UNIX_EPOCH },
        Command::RecordConfig { packages: vec![planned] },
        Command::RecordBuilt { config: CONFIG.into(), built },
        Command::RecordReady { config: CONFIG.into(), package, key_fingerprint: None },
    ] {
        execute::<Release>(pipeline, id.0, command).await;
    }
    id
}

/// The first event of this name, once it is recorded.
async fn first(executor: &Executor, name: &str) -> Event {
    let mut follower = Follower::new(executor.store().clone(), Position(0), Filter::names([name]));
    let found = async {
        loop {
            if let Some(found) = follower.next_page().await.expect("a readable log").events.first() {
                return event::decode(&found.event).expect("our own event");
            }
        }
    };
    timeout(SOON, found).await.expect("it is recorded")
}

#[tokio::test]
async fn a_release_that_panics_has_failed_and_its_tag_is_freed_though_it_takes_two_attempts() {
    let folder = TempDir::new().expect("a folder");
    let pipeline = pipeline(&folder).await;
    let id = ready_release(&pipeline).await;
    let executor = pipeline.executor.clone();
    let kernel = Kernel::open(executor.store().clone(), folder.path().join("workers.sqlite")).await.expect("a kernel");
    let running = tokio::spawn(kernel.run(pipeline));
    let Event::Release(domain::release::Event::Failed { step, code, message, .. }) =
        first(&executor, "release.failed").await
    else {
        panic!("expected a failure")
    };
    assert_eq!((step, code.as_str()), (Step::Uploading, "panicked"));
    assert!(message.contains("a repository too many"), "{message}");
    let freed = first(&executor, "project.tag_freed").await;
    assert!(matches!(freed, Event::Project(project::Event::TagFreed { release, .. }) if release == id), "{freed:?}");
    running.abort();
}
