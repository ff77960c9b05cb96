//! Indexes a folder of packages from scratch, and renders the index again from what is stored: the whole-corpus benchmark.
//!
//! `full_index cold POOL DATA deb|rpm` opens and hashes every package below POOL, records it, projects it and renders
//! the index. `full_index warm DATA` renders the same index again. Nothing is signed, and package files stay where they
//! are, as with the peers that this is compared to.

use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::Utc;
use domain::{
    event::{Event, encode},
    ids::{CommandId, EventId, RepositoryId},
    package::Format,
    recorded::{Actor, Metadata, Revision, StreamId},
    repository::{self, Stated},
    stream_kind::StreamKind,
};
use event_log::event_store::{EventStore, Expected, NewEvent, sqlite::SqliteEventStore};
use formats::packaging::{ReadPackage, read_package};
use index::repositories;
use projections::{projector::Projector, read_models::ReadModels, runner::Runner};
use stores::blobs::Blobs;
use uuid::Uuid;

/// Packages recorded with one append. A file list makes the largest events; this many stay below the append's limit.
const PACKAGES_PER_APPEND: usize = 32;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["cold", pool, data, format] => cold(Path::new(pool), Path::new(data), format.parse()?).await,
        ["warm", data] => render(Path::new(data)).await,
        _ => Err("usage: full_index cold POOL DATA deb|rpm | full_index warm DATA".into()),
    }
}

async fn cold(pool: &Path, data: &Path, format: Format) -> Outcome {
    let mut files = Vec::new();
    package_files(pool, format, &mut files)?;
    files.sort();
    let packages = tokio::task::spawn_blocking(move || read_all(&files)).await??;
    record(data, format, packages).await?;
    render(data).await
}

fn package_files(folder: &Path, format: Format, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            package_files(&path, format, found)?;
        } else if path.extension().is_some_and(|extension| extension == format.as_str()) {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads packages on every processor, in the order of `files`.
fn read_all(files: &[PathBuf]) -> Result<Vec<ReadPackage>, Box<dyn Error + Send + Sync>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = files.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let readers: Vec<_> = files
            .chunks(share)
            .map(|files| {
                scope.spawn(move || files.iter().map(|file| read_package(file)).collect::<Result<Vec<_>, _>>())
            })
            .collect();
        let mut packages = Vec::with_capacity(files.len());
        for reader in readers {
            let read: Result<_, formats::packaging::PackageFileError> =
                reader.join().map_err(|_| "a reader panicked")?;
            packages.extend(read?);
        }
        Ok(packages)
    })
}

async fn record(data: &Path, format: Format, packages: Vec<ReadPackage>) -> Outcome {
    let store = SqliteEventStore::open(data.join("log.sqlite")).await?;
    let blobs = Blobs::local(data.join("blobs"))?;
    let (organisation, name) = ("bench".parse()?, "bench".parse()?);
    let stream = StreamId::new(StreamKind::Repository, RepositoryId::named(&organisation, &name).0);
    let (origin, label, codename) = ("bench".to_owned(), "bench".to_owned(), "bench".to_owned());
    let created = repository::Event::Created { organisation, name, format, origin, label, codename };
    let mut revision = store.append(&stream, Expected::NEW, vec![new_event(created.into())]).await?.revision;
    let mut packages = packages.into_iter();
    loop {
        let mut events = Vec::new();
        for ReadPackage { package, attached } in packages.by_ref().take(PACKAGES_PER_APPEND) {
            if let Some(list) = attached {
                blobs.put_bytes(list.into()).await?;
            }
            events.push(new_event(
                repository::Event::PackageAdded { package, release: None, key_fingerprint: None }.into(),
            ));
        }
        if events.is_empty() {
            break;
        }
        revision = append(&store, &stream, revision, events).await?;
    }
    store.close().await;
    Ok(())
}

async fn append(
    store: &SqliteEventStore,
    stream: &StreamId,
    revision: Revision,
    events: Vec<NewEvent>,
) -> Result<Revision, Box<dyn Error + Send + Sync>> {
    Ok(store.append(stream, Expected::Revision(revision), events).await?.revision)
}

fn new_event(event: Event) -> NewEvent {
    let metadata = Metadata {
        recorded_at: Utc::now(),
        actor: Actor::CommandLine,
        command_id: CommandId(Uuid::now_v7()),
        causation: None,
        origin: None,
    };
    NewEvent { event_id: EventId(Uuid::now_v7()), event: encode(&event), metadata }
}

/// Projects what is recorded and not projected yet, then renders, compresses and stores every index file.
async fn render(data: &Path) -> Outcome {
    let store: Arc<dyn EventStore> = Arc::new(SqliteEventStore::open(data.join("log.sqlite")).await?);
    let blobs = Arc::new(Blobs::local(data.join("blobs"))?);
    let read_models = ReadModels::open(data.join("read_models.sqlite")).await?;
    let (repositories, projector) = repositories(read_models.readers.clone(), blobs);
    let projectors: Vec<Box<dyn Projector>> = vec![Box::new(projector)];
    let (runner, progress) = Runner::open(read_models.writer, store.clone(), projectors).await?;
    let running = tokio::spawn(runner.run());
    progress.wait_for(store.head().await?).await?;
    for repository in repositories.due(&BTreeSet::new()) {
        repositories.candidate(repository, Utc::now(), Stated::default()).await?;
    }
    running.abort();
    Ok(())
}
