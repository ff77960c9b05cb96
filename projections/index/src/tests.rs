#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod apt_client;
mod comparing;
mod past;
pub(super) mod resigning;
mod yank;

use std::io::Read as _;

use domain::{
    digest::Sha256,
    fingerprint::Fingerprint,
    ids::ReleaseId,
    names::SnapshotName,
    package::{DebFacts, Facts, FileList, Format, Package, PackagedFile},
    recorded::Position,
    repository::{self, IndexFile, PointInTime, SignedIndex, Stated, Stored},
};
use formats::{apt, segmented_file, yum};
use ports::candidates::Candidate;
use projections::{projector::Projector as _, read_models::ReadModels, runner::WaitError};
use sqlx::Row as _;
use uuid::Uuid;

use super::*;
use crate::{
    publication::BY_HASH_KEPT_DAYS,
    testing::{Running, World, at, dump},
};

const REPOSITORY: Uuid = Uuid::from_u128(7);
const RELEASE: ReleaseId = ReleaseId(Uuid::from_u128(9));
pub(super) const ID: RepositoryId = RepositoryId(REPOSITORY);

pub(super) fn created(format: Format) -> repository::Event {
    repository::Event::Created {
        organisation: "acme".parse().unwrap(),
        name: "tools".parse().unwrap(),
        format,
        origin: "acme".into(),
        label: "acme/tools".into(),
        codename: "stable".into(),
    }
}

pub(super) fn deb(version: &str, architecture: &str) -> repository::Event {
    let bytes = format!("{version}{architecture}");
    let package = Package {
        file_name: format!("hello_{version}_{architecture}.deb"),
        sha256: Sha256::of(bytes.as_bytes()),
        size_bytes: bytes.len() as u64,
        facts: Facts::Deb(DebFacts {
            package: "hello".into(),
            version: version.into(),
            architecture: architecture.into(),
            control: format!("Package: hello\nVersion: {version}\nArchitecture: {architecture}\nDescription: hi"),
        }),
    };
    repository::Event::PackageAdded { package, release: None, key_fingerprint: None }
}

pub(super) fn rpm(version: &str, files: FileList) -> repository::Event {
    let mut facts = domain::package::testing::rpm_facts("hello", version);
    facts.files = files;
    let package = Package {
        file_name: format!("hello-{version}-1.x86_64.rpm"),
        sha256: Sha256::of(version.as_bytes()),
        size_bytes: 5,
        facts: Facts::Rpm(Box::new(facts)),
    };
    repository::Event::PackageAdded { package, release: None, key_fingerprint: None }
}

impl World {
    pub(super) fn add(&self, second: i64, event: repository::Event) -> Position {
        self.log.append("repository", REPOSITORY, second, event)
    }
}

pub(super) fn stored(path: &str, text: &[u8]) -> IndexFile {
    let (sha256, size_bytes) = (Sha256::of(text), text.len() as u64);
    IndexFile { path: path.into(), sha256, size_bytes, stored: Stored::Blob }
}

/// Signs like the signer, with a signature that is not verified.
pub(super) async fn sign(candidate: &Candidate, world: &World) -> SignedIndex {
    world.blobs.put(candidate.text.clone().into()).await.unwrap();
    let signatures: &[&str] = match candidate.signed_path.as_str() {
        yum::repomd::PATH => &["repodata/repomd.xml.asc"],
        _ => &["dists/stable/InRelease", "dists/stable/Release.gpg"],
    };
    SignedIndex {
        covers: candidate.covers,
        published_at: candidate.published_at,
        signed: stored(&candidate.signed_path, candidate.text.as_bytes()),
        signatures: signatures.iter().map(|path| stored(path, format!("signed {path}").as_bytes())).collect(),
        files: candidate.files.clone(),
        key_fingerprint: "AB".into(),
        renderer: candidate.renderer,
        stated: Box::new(candidate.stated.clone()),
        co_signers: vec![],
    }
}

/// Who signs in these tests.
pub(super) fn signers() -> BTreeSet<Fingerprint> {
    BTreeSet::from(["AB".into()])
}

/// Candidate, signature, promotion. Returns what was signed.
pub(super) async fn publish(world: &World, running: &Running, second: i64) -> SignedIndex {
    let candidate = running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
    let index = sign(&candidate, world).await;
    running.shows(world.add(second, repository::Event::IndexSigned(index.clone()))).await;
    index
}

pub(super) async fn locate(running: &Running, point: &PointInTime, path: &str) -> Option<Located> {
    running.repositories.locate(ID, point, path).await.unwrap()
}

/// The bytes that a server would send.
pub(super) async fn bytes(world: &World, located: Located) -> Vec<u8> {
    let bytes = match located.stored {
        Stored::Blob => world.blobs.get(located.sha256).await.unwrap().to_vec(),
        Stored::Segmented(manifest) => {
            let mut whole = Vec::new();
            for piece in segmented_file::Manifest::parse(&world.blobs.get(manifest).await.unwrap()).unwrap().pieces {
                match piece {
                    segmented_file::Piece::Blob { sha256, .. } => whole.extend(world.blobs.get(sha256).await.unwrap()),
                    segmented_file::Piece::Inline(bytes) => whole.extend(bytes),
                }
            }
            whole
        }
        Stored::Unserved => panic!("{located:?} is not served"),
    };
    assert_eq!((Sha256::of(&bytes), bytes.len() as u64), (located.sha256, located.size_bytes));
    bytes
}

/// What dnf reads first after `repomd.xml`.
pub(super) async fn unpacked_primary(world: &World, running: &Running) -> String {
    let repomd = locate(running, &PointInTime::Newest, yum::repomd::PATH).await.unwrap();
    let repomd = String::from_utf8(bytes(world, repomd).await).unwrap();
    let path = repomd.split('"').find(|part| part.ends_with("-primary.xml.gz")).unwrap();
    unpacked(world, running, path).await
}

pub(super) async fn unpacked(world: &World, running: &Running, path: &str) -> String {
    let located = locate(running, &PointInTime::Newest, path).await.unwrap_or_else(|| panic!("{path} is not there"));
    let bytes = bytes(world, located).await;
    let mut text = String::new();
    match path.ends_with(".gz") {
        true => drop(flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap()),
        false => text = String::from_utf8(zstd::stream::decode_all(&bytes[..]).unwrap()).unwrap(),
    }
    text
}

#[tokio::test]
async fn an_empty_apt_repository_can_be_published() {
    let world = World::new();
    let running = world.start().await;
    running.shows(world.add(100, created(Format::Deb))).await;
    assert_eq!(running.repositories.due(&signers()), [ID]);
    assert_eq!(running.repositories.newest_point(ID), None);
    assert_eq!(locate(&running, &PointInTime::Newest, "dists/stable/Release").await, None);

    let index = publish(&world, &running, 101).await;
    assert_eq!((index.covers, index.published_at), (Revision(1), at(100)));
    assert_eq!(running.repositories.due(&signers()), []);
    assert_eq!(running.repositories.newest_point(ID), Some(at(100)));
    assert_eq!(unpacked(&world, &running, "dists/stable/main/binary-amd64/Packages.gz").await, "");
    assert_eq!(unpacked(&world, &running, "dists/stable/main/binary-amd64/Packages.zst").await, "");
}

#[tokio::test]
async fn a_package_for_every_machine_is_in_each_architectures_list() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    world.add(101, deb("1.0", "all"));
    world.add(102, deb("2.0", "arm64"));
    running.shows(world.add(103, deb("3.0", "all"))).await;
    publish(&world, &running, 104).await;
    let versions = |text: String| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix("Version: ").map(str::to_owned)).collect()
    };
    let amd64 = unpacked(&world, &running, "dists/stable/main/binary-amd64/Packages.gz").await;
    let arm64 = unpacked(&world, &running, "dists/stable/main/binary-arm64/Packages.zst").await;
    assert_eq!(versions(amd64), ["1.0", "3.0"]);
    assert_eq!(versions(arm64), ["1.0", "2.0", "3.0"]);
}

#[tokio::test]
async fn release_names_every_list_with_the_digest_that_is_served() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    running.shows(world.add(101, deb("1.0", "amd64"))).await;
    let candidate = running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
    publish(&world, &running, 102).await;
    let release = locate(&running, &PointInTime::Newest, "dists/stable/Release").await.unwrap();
    assert_eq!(bytes(&world, release).await, candidate.text.as_bytes());

    let packages = unpacked(&world, &running, "dists/stable/main/binary-amd64/Packages.gz").await;
    let open = format!(" {} {} main/binary-amd64/Packages\n", Sha256::of(packages.as_bytes()), packages.len());
    assert!(candidate.text.contains(&open), "{}", candidate.text);
    for path in ["main/binary-amd64/Packages.gz", "main/binary-amd64/Packages.zst"] {
        let located = locate(&running, &PointInTime::Newest, &format!("dists/stable/{path}")).await.unwrap();
        let line = format!(" {} {} {path}\n", located.sha256, located.size_bytes);
        assert!(candidate.text.contains(&line), "{line} is not in {}", candidate.text);
        let by_hash = format!("dists/stable/main/binary-amd64/by-hash/SHA256/{}", located.sha256);
        let by_hash = locate(&running, &PointInTime::Newest, &by_hash).await.unwrap();
        assert_eq!((by_hash.sha256, by_hash.stored, by_hash.immutable), (located.sha256, located.stored, true));
    }
    let file = locate(&running, &PointInTime::Newest, "pool/hello_1.0_amd64.deb").await.unwrap();
    assert!(packages.contains(&format!(
        "Filename: pool/hello_1.0_amd64.deb\nSize: {}\nSHA256: {}\n",
        file.size_bytes, file.sha256
    )));
}

#[tokio::test]
async fn a_list_is_not_served_uncompressed_and_no_other_path_exists() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    running.shows(world.add(101, deb("1.0", "amd64"))).await;
    let index = publish(&world, &running, 102).await;
    for path in [
        "dists/stable/main/binary-amd64/Packages",
        "dists/stable/main/binary-amd64/../binary-amd64/Packages.gz",
        "dists/stable//Release",
        "/dists/stable/Release",
        "pool/../pool/hello_1.0_amd64.deb",
        "hello_1.0_amd64.deb",
        "",
        &format!("dists/stable/main/binary-arm64/by-hash/SHA256/{}", index.files[1].sha256),
        &format!("dists/stable/main/binary-amd64/by-hash/SHA256/{}", index.signed.sha256),
    ] {
        assert_eq!(locate(&running, &PointInTime::Newest, path).await, None, "{path}");
    }
    let other =
        running.repositories.locate(RepositoryId(Uuid::from_u128(8)), &PointInTime::Newest, "dists/stable/Release");
    assert_eq!(other.await.unwrap(), None);
}

#[tokio::test]
async fn publications_are_a_second_apart_even_when_facts_are_not() {
    let world = World::new();
    let running = world.start().await;
    running.shows(world.add(100, created(Format::Deb))).await;
    assert_eq!(publish(&world, &running, 100).await.published_at, at(100));
    running.shows(world.add(100, deb("1.0", "amd64"))).await;
    assert_eq!(publish(&world, &running, 100).await.published_at, at(101));
    running.shows(world.add(200, deb("2.0", "amd64"))).await;
    assert_eq!(publish(&world, &running, 200).await.published_at, at(200));
}

#[tokio::test]
async fn a_signature_that_comes_late_promotes_the_state_it_covers() {
    for format in [Format::Deb, Format::Rpm] {
        let world = World::new();
        let running = world.start().await;
        let package = |version| match format {
            Format::Deb => deb(version, "amd64"),
            Format::Rpm => rpm(version, FileList::Inline(vec![])),
        };
        world.add(100, created(format));
        running.shows(world.add(101, package("1.0"))).await;
        let candidate = running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
        running.shows(world.add(102, package("2.0"))).await;
        let index = sign(&candidate, &world).await;
        running.shows(world.add(103, repository::Event::IndexSigned(index))).await;

        assert_eq!(running.repositories.covers(ID), Some(Revision(2)));
        assert_eq!(running.repositories.due(&signers()), [ID], "2.0 is not signed yet");
        let (first, second) = match format {
            Format::Deb => ("pool/hello_1.0_amd64.deb", "pool/hello_2.0_amd64.deb"),
            Format::Rpm => ("packages/hello-1.0-1.x86_64.rpm", "packages/hello-2.0-1.x86_64.rpm"),
        };
        assert!(locate(&running, &PointInTime::Newest, first).await.is_some());
        assert_eq!(locate(&running, &PointInTime::Newest, second).await, None, "the publication does not have it");
        publish(&world, &running, 104).await;
        running.repositories.wait_covers(ID, Revision(3)).await;
        assert!(locate(&running, &PointInTime::Newest, second).await.is_some());
    }
}

#[tokio::test]
async fn a_replaced_list_answers_by_its_digest_for_days() {
    let day = 24 * 60 * 60;
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    running.shows(world.add(101, deb("1.0", "amd64"))).await;
    let index = publish(&world, &running, 102).await;
    let by_hash = format!("dists/stable/main/binary-amd64/by-hash/SHA256/{}", index.files[1].sha256);
    // It is replaced a year later: what counts is since when it is not the newest.
    let replaced = 365 * day;
    running.shows(world.add(replaced, deb("2.0", "amd64"))).await;
    publish(&world, &running, replaced).await;
    assert!(locate(&running, &PointInTime::Newest, &by_hash).await.unwrap().immutable);
    running.shows(world.add(replaced + BY_HASH_KEPT_DAYS * day, deb("3.0", "amd64"))).await;
    publish(&world, &running, replaced).await;
    assert!(locate(&running, &PointInTime::Newest, &by_hash).await.is_some());
    running.shows(world.add(replaced + BY_HASH_KEPT_DAYS * day + 1, deb("4.0", "amd64"))).await;
    publish(&world, &running, replaced).await;
    assert_eq!(locate(&running, &PointInTime::Newest, &by_hash).await, None);
}

#[tokio::test]
async fn what_no_longer_answers_by_its_digest_has_no_row() {
    let day = 24 * 60 * 60;
    let world = World::new();
    let running = world.start().await;
    let rows = || async { dump(world.read_models()).await["by_hash"].len() };
    world.add(100, created(Format::Deb));
    running.shows(world.add(101, deb("1.0", "amd64"))).await;
    publish(&world, &running, 102).await;
    assert_eq!(rows().await, 2, "gz and zst");
    running.shows(world.add(200, deb("2.0", "amd64"))).await;
    publish(&world, &running, 200).await;
    running.shows(world.add(200 + BY_HASH_KEPT_DAYS * day, deb("3.0", "amd64"))).await;
    publish(&world, &running, 0).await;
    assert_eq!(rows().await, 6, "the first still answers");
    running.shows(world.add(201 + BY_HASH_KEPT_DAYS * day, deb("4.0", "amd64"))).await;
    publish(&world, &running, 0).await;
    assert_eq!(rows().await, 6, "two new ones, and the first are removed");
}

#[tokio::test]
async fn yum_documents_keep_their_names_and_an_rpms_long_file_list_is_a_blob() {
    let world = World::new();
    let running = world.start().await;
    let files = [PackagedFile { path: "/usr/bin/hello".into(), kind: domain::package::FileKind::File }];
    let list = world.blobs.put(serde_json::to_vec(&files).unwrap().into()).await.unwrap();
    world.add(100, created(Format::Rpm));
    running.shows(world.add(101, rpm("1.0", FileList::Blob(list)))).await;
    let first = publish(&world, &running, 102).await;
    let paths: Vec<&str> = first.files.iter().map(|file| file.path.split_once('-').unwrap().1).collect();
    assert_eq!(paths, ["primary.xml.gz", "filelists.xml.gz", "other.xml.gz"]);
    assert!(unpacked(&world, &running, &first.files[1].path).await.contains("<file>/usr/bin/hello</file>"));
    let primary = unpacked(&world, &running, &first.files[0].path).await;
    assert!(primary.contains("packages=\"1\"") && primary.contains("<time file=\"101\""), "{primary}");
    running.shows(world.add(103, rpm("2.0", FileList::Inline(vec![])))).await;
    let second = publish(&world, &running, 104).await;
    assert_ne!(first.files[0].path, second.files[0].path);
    assert!(unpacked(&world, &running, &first.files[0].path).await.contains("packages=\"1\""));
    assert!(unpacked(&world, &running, &second.files[0].path).await.contains("packages=\"2\""));
}

#[tokio::test]
async fn one_more_package_stores_one_new_segment_and_manifest_a_list() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    for n in 0..segmented_file::SEGMENT_ENTRIES + 10 {
        world.add(101, deb(&format!("1.{n}"), "amd64"));
    }
    running.shows(world.add(102, deb("2.0", "amd64"))).await;
    publish(&world, &running, 103).await;
    running.shows(world.add(104, deb("3.0", "amd64"))).await;
    world.blobs.puts.lock().unwrap().clear();
    running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
    assert_eq!(world.blobs.puts.lock().unwrap().len(), 4, "gz and zst: a segment and a manifest each");
}

#[tokio::test]
async fn versions_that_differ_only_in_their_epoch_have_separate_paths() {
    let world = World::new();
    let running = world.start().await;
    let (plain, mut epoch) = (deb("1.0", "amd64"), deb("1.0", "amd64"));
    let other = Sha256::of(b"other");
    let repository::Event::PackageAdded { package, .. } = &mut epoch else { panic!() };
    package.sha256 = other;
    world.add(100, created(Format::Deb));
    world.add(101, plain);
    running.shows(world.add(102, epoch)).await;
    publish(&world, &running, 103).await;
    let path = format!("pool/{other}/hello_1.0_amd64.deb");
    assert!(unpacked(&world, &running, "dists/stable/main/binary-amd64/Packages.gz").await.contains(&path));
    assert_eq!(locate(&running, &PointInTime::Newest, &path).await.unwrap().sha256, other);
    let first = locate(&running, &PointInTime::Newest, "pool/hello_1.0_amd64.deb").await.unwrap();
    assert_eq!(first.sha256, Sha256::of(b"1.0amd64"));
}

#[tokio::test]
async fn read_models_rebuilt_from_the_log_are_the_same() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    running.shows(world.add(101, deb("1.0", "amd64"))).await;
    publish(&world, &running, 102).await;
    world.add(103, deb("2.0", "all"));
    running.shows(world.add(104, deb("3.0", "arm64"))).await;
    publish(&world, &running, 105).await;
    running.shows(world.add(106, deb("4.0", "arm64"))).await;
    let next = running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
    running.stop().await;

    world.blobs.puts.lock().unwrap().clear();
    let again = world.start_at("again.db").await;
    again.shows(Position(19)).await;
    assert_eq!(world.blobs.puts.lock().unwrap().len(), 0, "a rebuild compresses nothing");
    assert_eq!(again.repositories.candidate(ID, at(0), Stated::default()).await.unwrap(), next);
    again.stop().await;
    assert_eq!(dump(world.folder.path().join("again.db")).await, dump(world.read_models()).await);
}

#[tokio::test]
async fn after_a_restart_the_newest_publication_answers_at_once() {
    let world = World::new();
    let running = world.start().await;
    world.add(100, created(Format::Deb));
    let position = world.add(101, deb("1.0", "amd64"));
    running.shows(position).await;
    let index = publish(&world, &running, 102).await;
    running.stop().await;
    let running = world.start().await;
    let release = locate(&running, &PointInTime::Newest, "dists/stable/InRelease").await.unwrap();
    assert_eq!((release.sha256, release.last_modified), (index.signatures[0].sha256, at(101)));
    assert_eq!(running.repositories.due(&signers()), []);
    assert!(locate(&running, &PointInTime::Newest, "pool/hello_1.0_amd64.deb").await.is_some());
    running.shows(world.add(200, deb("2.0", apt::ARCHITECTURE_ALL))).await;
    publish(&world, &running, 201).await;
}

#[tokio::test]
async fn text_beyond_the_limit_is_dropped_and_read_again() {
    let world = World::new();
    let running = world.start().await;
    let other = RepositoryId(Uuid::from_u128(8));
    world.add(100, created(Format::Deb));
    world.add(101, deb("1.0", "amd64"));
    let mut second = created(Format::Deb);
    let repository::Event::Created { name, .. } = &mut second else { panic!() };
    *name = "other".parse().unwrap();
    world.log.append("repository", other.0, 102, second);
    running.shows(world.log.append("repository", other.0, 103, deb("2.0", "amd64"))).await;
    let expected = running.repositories.candidate(ID, at(0), Stated::default()).await.unwrap();
    running.repositories.candidate(other, at(0), Stated::default()).await.unwrap();
    assert_eq!(running.repositories.renderers.len(), 2, "both fit the usual limit");
    running.stop().await;

    let models = ReadModels::open(world.read_models()).await.unwrap();
    let (repositories, mut projector) = repositories_within(models.readers, world.blobs.clone(), 1);
    let mut writer = models.writer;
    projector.load(&mut writer).await.unwrap();
    for _ in 0..2 {
        assert_eq!(repositories.candidate(ID, at(0), Stated::default()).await.unwrap(), expected);
        repositories.candidate(other, at(0), Stated::default()).await.unwrap();
        assert_eq!(repositories.renderers.len(), 1);
    }
}

#[tokio::test]
async fn each_projector_owns_the_tables_it_creates_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let models = ReadModels::open(folder.path().join("read_models.db")).await.unwrap();
    let mut rows = models.writer;
    let world = World::new();
    let projectors: Vec<Box<dyn projections::projector::Projector>> = vec![
        Box::new(projections::credentials::credentials(models.readers.clone()).1),
        Box::new(repositories(models.readers.clone(), world.blobs.clone()).1),
        Box::new(projections::dashboard::dashboard(models.readers.clone()).1),
    ];
    let mut owned = vec!["projector_checkpoint".to_owned()];
    for projector in projectors {
        // A table that exists already fails here.
        sqlx::raw_sql(projector.schema()).execute(&mut rows).await.unwrap();
        owned.extend(projector.tables().iter().map(|table| (*table).to_owned()));
    }
    owned.sort_unstable();
    let query = "select name from sqlite_schema where type = 'table' order by name";
    let tables = sqlx::query(query).fetch_all(&mut rows).await.unwrap();
    assert_eq!(tables.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>(), owned);
}
