//! How long one more package takes to become a candidate that can be signed: median ms for APT and YUM repositories of
//! several sizes.
//!
//! `cargo bench -p projections [-- 100 1000 …]`. Blobs are written to a folder without fsync, as the peers' are.
#![allow(clippy::expect_used, reason = "a benchmark may fail by panicking")]

use std::{
    path::PathBuf,
    sync::{Arc, RwLock},
    time::Instant,
};

use bytes::Bytes;
use chrono::DateTime;
use domain::{
    digest::Sha256,
    event::encode,
    ids::{CommandId, EventId, RepositoryId},
    package::{DebFacts, Dependency, Facts, FileKind, FileList, Format, Package, PackagedFile, RpmFacts},
    recorded::{Actor, Metadata, Position, RawEvent, Recorded, Revision, StreamId},
    repository::{Event, Stated},
    stream_kind::StreamKind,
};
use futures::future::BoxFuture;
use ports::{
    blob_store::{BlobStore, BlobStoreError},
    log_reader::{Filter, LogReader, Page, ReadError},
};
use projections::{read_models::ReadModels, runner::Runner};
use tokio::sync::watch;
use uuid::Uuid;

const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];
const ROUNDS: usize = 21;
const REPOSITORY: RepositoryId = RepositoryId(Uuid::from_u128(1));

struct Log {
    events: RwLock<Vec<Recorded<RawEvent>>>,
    head: watch::Sender<Position>,
}

impl Log {
    fn append(&self, event: Event) -> Position {
        let mut events = self.events.write().expect("no writer panicked");
        let n = events.len() as u64 + 1;
        events.push(Recorded {
            position: Position(n),
            stream: StreamId::new(StreamKind::Repository, REPOSITORY.0),
            revision: Revision(n),
            event_id: EventId(Uuid::from_u128(u128::from(n))),
            metadata: Metadata {
                recorded_at: DateTime::from_timestamp(1_700_000_000 + n as i64, 0).expect("a time"),
                actor: Actor::CommandLine,
                command_id: CommandId(Uuid::from_u128(u128::from(n))),
                causation: None,
                origin: None,
            },
            event: encode(&event.into()),
        });
        drop(events);
        self.head.send_replace(Position(n));
        Position(n)
    }
}

impl LogReader for Log {
    fn read_all<'a>(&'a self, after: Position, _: &'a Filter, limit: u32) -> BoxFuture<'a, Result<Page, ReadError>> {
        let all = self.events.read().expect("no writer panicked");
        let start = usize::try_from(after.0).expect("positions are small").min(all.len());
        let events: Vec<_> = all[start..].iter().take(limit as usize).cloned().collect();
        let next = events.last().map_or(after, |last| last.position);
        let head = Position(all.len() as u64);
        Box::pin(async move { Ok(Page { events, next, head }) })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        let head = *self.head.borrow();
        Box::pin(async move { Ok(head) })
    }

    fn hint(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }
}

struct Folder(PathBuf);

impl BlobStore for Folder {
    fn put(&self, bytes: Bytes) -> BoxFuture<'_, Result<Sha256, BlobStoreError>> {
        Box::pin(async move {
            let digest = Sha256::of(&bytes);
            std::fs::write(self.0.join(digest.to_string()), bytes).expect("a writable folder");
            Ok(digest)
        })
    }

    fn get(&self, digest: Sha256) -> BoxFuture<'_, Result<Bytes, BlobStoreError>> {
        Box::pin(async move { Err(BlobStoreError::Missing(digest)) })
    }
}

/// The `n`th package: as long as Debian's and Fedora's usual ones are.
fn package(format: Format, n: usize) -> Event {
    let digest = Sha256::of(&n.to_be_bytes()).to_string();
    let description =
        format!("a program that does {digest}\n Paragraphs of text say what {} is good for.", &digest[..9]);
    let facts = match format {
        Format::Deb => Facts::Deb(DebFacts {
            package: format!("package-{n}"),
            version: "1.2.3-1".into(),
            architecture: "amd64".into(),
            control: format!(
                "Package: package-{n}\nVersion: 1.2.3-1\nArchitecture: amd64\nMaintainer: Someone <s@example.com>\n\
                 Installed-Size: {n}\nDepends: libc6 (>= 2.34), libssl3 (>= 3.0.0), adduser\nSection: net\n\
                 Priority: optional\nHomepage: https://example.com/{digest}\nDescription: {description}"
            ),
        }),
        Format::Rpm => Facts::Rpm(Box::new(rpm(n, description))),
    };
    let sha256 = Sha256::of(digest.as_bytes());
    Event::PackageAdded {
        package: Package { file_name: format!("package-{n}.{format}"), sha256, size_bytes: 12_345, facts },
        release: None,
        key_fingerprint: None,
    }
}

fn rpm(n: usize, description: String) -> RpmFacts {
    let dependency = |name: &str| Dependency { name: name.into(), comparison: None, evr: String::new(), pre: false };
    let file = |path: &str| PackagedFile { path: format!("{path}-{n}"), kind: FileKind::File };
    RpmFacts {
        name: format!("package-{n}"),
        epoch: 0,
        version: "1.2.3".into(),
        release: "1".into(),
        architecture: "x86_64".into(),
        summary: "a program".into(),
        description,
        packager: "Someone <s@example.com>".into(),
        url: "https://example.com".into(),
        license: "MIT".into(),
        vendor: "acme".into(),
        group: "Unspecified".into(),
        build_host: "builder".into(),
        source_rpm: format!("package-{n}-1.2.3-1.src.rpm"),
        build_time: 1_700_000_000,
        installed_size_bytes: 100_000,
        archive_size_bytes: 100_500,
        header_start: 4_504,
        header_end: 7_481,
        provides: vec![dependency("package"), dependency("package(x86-64)")],
        requires: ["/bin/sh", "libc.so.6()(64bit)", "libssl.so.3()(64bit)"].map(dependency).to_vec(),
        conflicts: vec![],
        obsoletes: vec![],
        suggests: vec![],
        enhances: vec![],
        recommends: vec![],
        supplements: vec![],
        files: FileList::Inline(["/usr/bin/p", "/etc/p", "/usr/share/doc/p", "/usr/lib64/p.so"].map(file).to_vec()),
        changelogs: vec![],
    }
}

async fn median_ms(format: Format, size: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = Arc::new(Log { events: RwLock::default(), head: watch::Sender::new(Position(0)) });
    let models = ReadModels::open(folder.path().join("read_models.db")).await.expect("a database");
    let blobs = Arc::new(Folder(folder.path().to_owned()));
    let (repositories, projector) = index::repositories(models.readers, blobs);
    let opened = Runner::open(models.writer, log.clone(), vec![Box::new(projector)]).await;
    let (runner, progress) = opened.expect("fresh read models");
    let runner = tokio::spawn(runner.run());

    let named = |name: &str| name.parse().expect("a name");
    let (origin, label, codename) = ("acme".to_owned(), "acme/bench".to_owned(), "stable".to_owned());
    let name = "bench".parse().expect("a name");
    log.append(Event::Created { organisation: named("acme"), name, format, origin, label, codename });
    let mut last = Position(0);
    for n in 0..size {
        last = log.append(package(format, n));
    }
    progress.wait_for(last).await.expect("every event fits");
    repositories.candidate(REPOSITORY, DateTime::UNIX_EPOCH, Stated::default()).await.expect("a candidate");

    let mut took = Vec::new();
    for n in size..size + ROUNDS {
        let position = log.append(package(format, n));
        progress.wait_for(position).await.expect("every event fits");
        let start = Instant::now();
        repositories.candidate(REPOSITORY, DateTime::UNIX_EPOCH, Stated::default()).await.expect("a candidate");
        took.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    runner.abort();
    took.sort_by(f64::total_cmp);
    took[ROUNDS / 2]
}

#[tokio::main]
async fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    println!("{:>8}  {:>8}  {:>8}", "packages", "apt ms", "yum ms");
    for size in if asked.is_empty() { SIZES.to_vec() } else { asked } {
        let (apt, yum) = (median_ms(Format::Deb, size).await, median_ms(Format::Rpm, size).await);
        println!("{size:>8}  {apt:>8.2}  {yum:>8.2}");
    }
}
