use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use chrono::{DateTime, Utc};
use domain::{
    event::{self, Event},
    fingerprint::Fingerprint,
    recorded::{Actor, Revision, StreamId},
    repository,
    stream_kind::StreamKind,
};
use event_log::event_store::{PAGE_EVENTS_MAX, sqlite::SqliteEventStore};
use signing::{Algorithm, Certificate};
use stores::secrets::Secrets;
use tempfile::TempDir;
use tokio::sync::watch;
use workers::Kernel;

use super::*;
use crate::{
    packages::{finish, tests::built},
    signing_keys::Making,
};

/// How long a worker may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
const TEXT: &str = "what is signed\n";

/// Projected repositories that say what a test says.
struct Repositories {
    formats: BTreeMap<RepositoryId, Format>,
    changed: Mutex<u64>,
    wake: watch::Sender<u64>,
}

impl Candidates for Repositories {
    fn due(&self, _: &BTreeSet<Fingerprint>) -> Vec<RepositoryId> {
        self.formats.keys().copied().collect()
    }

    fn is_due(&self, repository: RepositoryId, _: &BTreeSet<Fingerprint>) -> bool {
        self.formats.contains_key(&repository)
    }

    fn yum(&self) -> Vec<(RepositoryId, Revision)> {
        let revision = Revision(*self.changed.lock().expect("no panic"));
        let yum = self.formats.iter().filter(|(_, format)| **format == Format::Rpm);
        yum.map(|(id, _)| (*id, revision)).collect()
    }

    fn candidate(
        &self,
        repository: RepositoryId,
        signers_changed_at: DateTime<Utc>,
        stated: Stated,
    ) -> BoxFuture<'_, Result<Candidate, BoxError>> {
        let format = self.formats[&repository];
        let signed_path = match format {
            Format::Deb => "dists/stable/Release",
            Format::Rpm => "repodata/repomd.xml",
        };
        let candidate = Candidate {
            repository,
            format,
            covers: Revision(1),
            published_at: signers_changed_at,
            signed_path: signed_path.to_owned(),
            text: TEXT.to_owned(),
            files: vec![],
            renderer: 1,
            stated,
        };
        Box::pin(async { Ok(candidate) })
    }

    fn promoted(&self, _: RepositoryId, _: DateTime<Utc>) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn wake(&self) -> watch::Receiver<u64> {
        self.wake.subscribe()
    }
}

/// Has one thing to say of all.
struct Says(Stated);

impl Statements for Says {
    fn of(&self, _: RepositoryId) -> BoxFuture<'_, Result<Stated, BoxError>> {
        let stated = self.0.clone();
        Box::pin(async { Ok(stated) })
    }
}

/// A server's command side with a repository for each of `formats`.
struct World {
    folder: TempDir,
    executor: Arc<Executor>,
    blobs: Blobs,
    keys: SigningKeys,
    repositories: Arc<Repositories>,
}

impl World {
    async fn with(formats: &[Format]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let store = Arc::new(SqliteEventStore::open(&path("log.sqlite")).await.expect("a log"));
        let executor = Arc::new(Executor::new(store, Utc::now));
        let secrets = Arc::new(Secrets::open(&path("secrets"), &path("master.key")).expect("a secret store"));
        let making =
            Making { algorithm: Algorithm::Ed25519Legacy, user_id: "Acme <p@acme.example>".into(), valid_for: None };
        let keys = SigningKeys::open(executor.clone(), secrets, making).await.expect("signing keys");
        let mut ids = BTreeMap::new();
        for (n, format) in formats.iter().enumerate() {
            let (organisation, name) = ("acme".parse().expect("a name"), format!("repo-{n}").parse().expect("a name"));
            let id = RepositoryId::named(&organisation, &name);
            let create = repository::Command::Create { organisation, name, format: *format };
            executor.execute::<Repository>(id.0, create, &context()).await.expect("created");
            ids.insert(id, *format);
        }
        let repositories = Repositories { formats: ids, changed: Mutex::new(1), wake: watch::Sender::new(0) };
        let blobs = Blobs::local(path("blobs")).expect("a store");
        Self { executor, blobs, keys, repositories: Arc::new(repositories), folder }
    }

    fn ids(&self) -> Vec<RepositoryId> {
        self.repositories.formats.keys().copied().collect()
    }

    async fn events(&self, repository: RepositoryId) -> Vec<repository::Event> {
        let stream = StreamId::new(StreamKind::Repository, repository.0);
        let recorded =
            self.executor.store().read_stream(&stream, Revision(0), PAGE_EVENTS_MAX).await.expect("readable");
        let decoded = recorded.iter().map(|one| match event::decode(&one.event) {
            Ok(Event::Repository(event)) => event,
            other => panic!("{other:?}"),
        });
        decoded.collect()
    }

    async fn bytes(&self, file: &IndexFile) -> Vec<u8> {
        let bytes = self.blobs.get(file.sha256).await.expect("stored before it is named");
        assert_eq!(bytes.len() as u64, file.size_bytes);
        bytes.to_vec()
    }

    fn certificate(&self, epoch: u32) -> Certificate {
        let set = self.keys.now();
        let key = set.keys.iter().find(|key| key.epoch == epoch).expect("a key");
        Certificate::parse(&key.certificate).expect("a certificate")
    }

    /// Adds the same rpm to a repository, signed by the current key, under the name of `signed_by`.
    async fn add(&self, repository: RepositoryId, signed_by: Option<Fingerprint>) {
        let finished = finish(built(Format::Rpm, &self.folder), self.keys.now().current.clone()).await.expect("signed");
        finished.store(&self.blobs).await.expect("stored");
        let package = Box::new(finished.package);
        let add = repository::Command::AddPackage { package, release: None, key_fingerprint: signed_by };
        self.executor.execute::<Repository>(repository.0, add, &context()).await.expect("added");
    }

    /// Signs packages again until it is dropped.
    async fn resigner(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let (executor, blobs, keys) = (self.executor.clone(), self.blobs.clone(), self.keys.clone());
        let path = |name: &str| self.folder.path().join(name);
        let kernel = Kernel::open(executor.store().clone(), path("workers.sqlite")).await.expect("a kernel");
        kernel.run(Resigner::new(executor, blobs, keys, self.repositories.clone(), path("resigning")))
    }

    async fn has_signed(&self, repository: RepositoryId, key: Option<&Fingerprint>) -> bool {
        let look = |repository: &Repository, _| repository.bears_signature_of(key);
        self.executor.inspect::<Repository, _>(repository.0, look).await.expect("readable")
    }
}

fn context() -> Context {
    Context::of(Actor::CommandLine)
}

#[tokio::test]
async fn during_the_overlap_every_index_is_good_for_whoever_knows_one_of_the_keys_and_the_event_says_who_signed() {
    let world = World::with(&[Format::Deb, Format::Rpm]).await;
    world.keys.prepare_next(&context()).await.expect("prepared");
    world.keys.begin_overlap(&context()).await.expect("begun");
    let (executor, blobs, keys) = (world.executor.clone(), world.blobs.clone(), world.keys.clone());
    let stated = Stated { snapshots: Some("https://example.org/at/@SNAPSHOTID@/".to_owned()), checkpoint: None };
    let statements = Arc::new(Says(stated.clone()));
    let publisher = Publisher { executor, blobs, keys, candidates: world.repositories.clone(), statements };
    let (old, new) = (world.certificate(1), world.certificate(2));
    for (id, format) in &world.repositories.formats {
        assert_eq!(publisher.publish(*id).await.expect("published"), None);
        let events = world.events(*id).await;
        let Some(repository::Event::IndexSigned(index)) = events.last() else { panic!("{events:?}") };
        assert_eq!(index.signers(), world.keys.now().index_signer_fingerprints());
        assert_eq!(index.key_fingerprint, old.fingerprint());
        assert_eq!(*index.stated, stated);
        let [co_signer] = index.co_signers.as_slice() else { panic!("{index:?}") };
        assert_eq!((co_signer.key_fingerprint.as_str(), co_signer.epoch), (new.fingerprint().as_str(), 2));
        let first = String::from_utf8(world.bytes(&index.signatures[0]).await).expect("ASCII");
        match format {
            Format::Deb => {
                let detached = String::from_utf8(world.bytes(&index.signatures[1]).await).expect("ASCII");
                for certificate in [&old, &new] {
                    assert_eq!(certificate.verify_clear_signed(&first).expect("good"), TEXT);
                    certificate.verify_detached(TEXT.as_bytes(), &detached).expect("good");
                }
                assert_eq!(co_signer.signature, None);
            }
            Format::Rpm => {
                old.verify_detached(TEXT.as_bytes(), &first).expect("the oldest signing key's");
                assert!(new.verify_detached(TEXT.as_bytes(), &first).is_err(), "one signature a file");
                let own = co_signer.signature.as_ref().expect("a file of its own");
                assert_eq!(own.path, "key/2/repodata/repomd.xml.asc");
                let own = String::from_utf8(world.bytes(own).await).expect("ASCII");
                new.verify_detached(TEXT.as_bytes(), &own).expect("the new key's");
                assert!(old.verify_detached(TEXT.as_bytes(), &own).is_err());
            }
        }
    }
}

#[tokio::test]
async fn after_a_theft_every_rpm_of_the_stolen_key_is_signed_anew_and_no_other() {
    let world = World::with(&[Format::Rpm, Format::Rpm, Format::Rpm]).await;
    let [named, unnamed, others] = world.ids()[..] else { panic!("three repositories") };
    let stolen = world.keys.now().current.fingerprint();
    world.add(named, Some(stolen.clone())).await;
    world.add(unnamed, None).await;
    world.add(others, Some("ANOTHER".into())).await;
    world.keys.declare_compromised(stolen.clone(), &context()).await.expect("declared");
    let new = world.keys.now().current.fingerprint();

    let worker = tokio::spawn(world.resigner().await);
    let all_clean = async {
        while world.has_signed(named, Some(&stolen)).await || world.has_signed(unnamed, None).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, all_clean).await.expect("signed again");
    worker.abort();
    for repository in [named, unnamed] {
        let events = world.events(repository).await;
        let [_, repository::Event::PackageAdded { package: before, .. }, event] = events.as_slice() else {
            panic!("{events:?}")
        };
        let repository::Event::PackageResigned { replaces, package, key_fingerprint } = event else {
            panic!("{event:?}")
        };
        assert_eq!((replaces, key_fingerprint), (&before.sha256, &new));
        assert_ne!(package.sha256, before.sha256);
        assert_eq!(
            (package.name(), package.version(), &package.file_name),
            (before.name(), before.version(), &before.file_name)
        );
        assert!(world.blobs.contains(package.sha256).await.expect("known"), "bytes first");
    }
    assert_eq!(world.events(others).await.len(), 2, "another key's package stays as it is");
}

#[tokio::test]
async fn a_package_that_comes_in_with_a_stolen_keys_signature_is_signed_anew_too() {
    let world = World::with(&[Format::Rpm]).await;
    let [repository] = world.ids()[..] else { panic!("one repository") };
    let stolen = world.keys.now().current.clone();
    world.keys.declare_compromised(stolen.fingerprint(), &context()).await.expect("declared");
    let worker = tokio::spawn(world.resigner().await);
    // It was signed before the theft was known, and recorded after.
    let finished = finish(built(Format::Rpm, &world.folder), stolen.clone()).await.expect("signed");
    finished.store(&world.blobs).await.expect("stored");
    let add = repository::Command::AddPackage {
        package: Box::new(finished.package),
        release: None,
        key_fingerprint: finished.key_fingerprint,
    };
    world.executor.execute::<Repository>(repository.0, add, &context()).await.expect("added");
    *world.repositories.changed.lock().expect("no panic") += 1;
    world.repositories.wake.send_modify(|generation| *generation += 1);
    let clean = async {
        while world.has_signed(repository, Some(&stolen.fingerprint())).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, clean).await.expect("signed again");
    worker.abort();
}
