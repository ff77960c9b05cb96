//! Folds repository events into rows, and promotes what was signed if rendering it here gives the same bytes.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    digest::Sha256,
    event::Event,
    ids::RepositoryId,
    package::{Facts, FileList, Format, Package, PackagedFile, RpmFacts},
    recorded::Recorded,
    repository::{self, IndexFile, SignedIndex},
};
use futures::future::BoxFuture;
use sqlx::{Row as _, SqliteConnection};

use super::{
    Repositories,
    publication::{Publication, named_by_digest},
    rows::{self, Changed, FileRow, signed},
    shelf::Fixed,
};
use crate::{
    apt,
    projector::{ProjectionError, Projector},
    yum,
};

const VERSION: u32 = 1;

/// Writes the repositories' rows, and their memory after each commit.
pub struct RepositoriesProjector {
    repositories: Repositories,
    staged: Vec<(RepositoryId, Staged)>,
}

enum Staged {
    Created(Fixed, Changed),
    Added(Changed, FileRow),
    Published(Arc<Publication>),
}

impl RepositoriesProjector {
    pub(super) fn new(repositories: Repositories) -> Self {
        Self { repositories, staged: Vec::new() }
    }

    async fn fold(
        &mut self,
        rows: &mut SqliteConnection,
        recorded: &Recorded<Event>,
        event: &repository::Event,
    ) -> Result<(), ProjectionError> {
        let id = RepositoryId(recorded.stream.id());
        let staged = match event {
            repository::Event::Created { format, origin, label, codename, .. } => {
                let changed = changed_by(recorded);
                create(rows, id, *format, [origin, label, codename], changed).await?;
                Staged::Created(Fixed { format: *format, codename: codename.clone() }, changed)
            }
            repository::Event::PackageAdded { package, .. } => {
                let changed = changed_by(recorded);
                let file = self.add(rows, id, changed, package).await?;
                Staged::Added(changed, file)
            }
            repository::Event::IndexSigned(index) => {
                self.verify(rows, id, index).await?;
                publish(rows, id, recorded, index).await?;
                Staged::Published(Arc::new(Publication::of(index)))
            }
        };
        self.staged.push((id, staged));
        Ok(())
    }

    /// Renders the package's fragments, once for all its publications.
    async fn add(
        &self,
        rows: &mut SqliteConnection,
        id: RepositoryId,
        changed: Changed,
        package: &Package,
    ) -> Result<FileRow, ProjectionError> {
        let path = free_path(rows, id, package).await?;
        let Package { sha256, size_bytes, .. } = package;
        let fragments = match &package.facts {
            Facts::Deb(deb) => [apt::packages::stanza(deb, &path, sha256, *size_bytes), String::new(), String::new()],
            Facts::Rpm(rpm) => {
                let files = self.file_list(rpm).await?;
                let file = yum::PackageFile { path: &path, sha256, size_bytes: *size_bytes, added_at: changed.at };
                [
                    yum::primary::package(rpm, &files, &file),
                    yum::filelists::package(rpm, &files, &file),
                    yum::other::package(rpm, &file),
                ]
            }
        };
        let (revision, sha256, size_bytes) = (changed.revision, *sha256, *size_bytes);
        let file = FileRow { path, revision, sha256, size_bytes, added_at: changed.at };
        insert_file(rows, id, &file, package.architecture(), fragments).await?;
        move_on(rows, id, changed).await?;
        Ok(file)
    }

    async fn file_list(&self, rpm: &RpmFacts) -> Result<Vec<PackagedFile>, ProjectionError> {
        match &rpm.files {
            FileList::Inline(files) => Ok(files.clone()),
            FileList::Blob(digest) => {
                let json = self.repositories.blobs.get(*digest).await?;
                serde_json::from_slice(&json).map_err(|error| {
                    ProjectionError::Contradiction(format!("blob {digest} is no list of files: {error}"))
                })
            }
        }
    }

    /// The state that `index` covers must render to what was signed.
    async fn verify(
        &self,
        rows: &mut SqliteConnection,
        id: RepositoryId,
        index: &SignedIndex,
    ) -> Result<(), ProjectionError> {
        let unknown = || ProjectionError::Contradiction(format!("there is no repository {id}"));
        let mut engine = self.repositories.engines.caught_up(&mut *rows, id).await?.ok_or_else(unknown)?;
        let (covers, published_at, files) = (index.covers, index.published_at, index.files.clone());
        let rendered = tokio::task::spawn_blocking(move || {
            engine.as_mut().map(|engine| engine.signable(covers, published_at, &files))
        });
        let rendered = rendered.await.map_err(|error| ProjectionError::Contradiction(error.to_string()))?;
        let rendered = rendered.ok_or_else(unknown)?.map_err(|why| differs(index, &why))?;
        if rendered.path != index.signed.path {
            return Err(differs(index, &format!("what is signed belongs at {}", rendered.path)));
        }
        if Sha256::of(rendered.text.as_bytes()) != index.signed.sha256 {
            let why = self.difference(index, &rendered.text).await;
            return Err(differs(index, &why));
        }
        Ok(())
    }

    /// The first line that is not as it was signed, if the signed text can be had.
    async fn difference(&self, index: &SignedIndex, rendered: &str) -> String {
        let Ok(signed) = self.repositories.blobs.get(index.signed.sha256).await else {
            return format!("rendering gives SHA-256 {}", Sha256::of(rendered.as_bytes()));
        };
        let signed = String::from_utf8_lossy(&signed);
        let (mut ours, mut theirs) = (rendered.lines(), signed.lines());
        let mut line = 0_usize;
        loop {
            line += 1;
            match (theirs.next(), ours.next()) {
                (None, None) => return "the texts differ in how their lines end".to_owned(),
                (signed, rendered) if signed != rendered => {
                    return format!("line {line} was signed as {signed:?} and is rendered as {rendered:?}");
                }
                _ => {}
            }
        }
    }
}

impl Projector for RepositoriesProjector {
    fn name(&self) -> &'static str {
        "repositories"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn tables(&self) -> &'static [&'static str] {
        &["repository", "package_file", "publication", "named_by_digest"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../../migrations/read_models/sqlite/repositories.sql")
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["repository"]
    }

    fn load<'a>(&'a mut self, rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let Repositories { shelves, engines, .. } = &self.repositories;
            shelves.clear();
            engines.clear();
            for row in rows::repositories(&mut *rows).await? {
                let newest = match row.newest_published {
                    None => None,
                    Some(at) => rows::publication_at(&mut *rows, row.id, at).await?,
                };
                shelves.put(row.id, row.fixed, row.changed, newest.map(|index| Arc::new(Publication::of(&index))));
            }
            for (id, file) in rows::files(&mut *rows).await? {
                if let Some(shelf) = shelves.get(id) {
                    shelf.add(file);
                }
            }
            self.repositories.changed.send_modify(|generation| *generation += 1);
            Ok(())
        })
    }

    fn apply<'a>(
        &'a mut self,
        rows: &'a mut SqliteConnection,
        recorded: &'a Recorded<Event>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            match &recorded.event {
                Event::Repository(event) => self.fold(rows, recorded, event).await,
                _ => Ok(()),
            }
        })
    }

    fn committed(&mut self) {
        if self.staged.is_empty() {
            return;
        }
        let shelves = &self.repositories.shelves;
        for (id, staged) in self.staged.drain(..) {
            match (staged, shelves.get(id)) {
                (Staged::Created(fixed, changed), _) => shelves.put(id, fixed, changed, None),
                (Staged::Added(changed, file), Some(shelf)) => {
                    shelf.add(file);
                    shelf.change(changed);
                }
                (Staged::Published(publication), Some(shelf)) => shelf.publish(publication),
                // `create` comes first in a stream, and its row in the same order.
                (_, None) => {}
            }
        }
        self.repositories.changed.send_modify(|generation| *generation += 1);
    }

    fn abandoned(&mut self) {
        // An event that failed staged nothing, but its repository's engine may have read rows that are gone now.
        self.staged.clear();
        self.repositories.engines.clear();
    }
}

fn changed_by(recorded: &Recorded<Event>) -> Changed {
    Changed { revision: recorded.revision, at: recorded.metadata.recorded_at.timestamp() }
}

fn differs(index: &SignedIndex, why: &str) -> ProjectionError {
    let SignedIndex { covers, signed, .. } = index;
    ProjectionError::Contradiction(format!(
        "the index signed for revision {covers} ({}, SHA-256 {}) is not what that state renders to: {why}",
        signed.path, signed.sha256
    ))
}

async fn create(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    format: Format,
    [origin, label, codename]: [&str; 3],
    changed: Changed,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into repository (id, format, origin, label, codename, changed_revision, changed_at)
         values (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.to_string())
    .bind(format.as_str())
    .bind(origin)
    .bind(label)
    .bind(codename)
    .bind(signed(changed.revision.0))
    .bind(changed.at)
    .execute(rows)
    .await?;
    Ok(())
}

async fn insert_file(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    file: &FileRow,
    architecture: &str,
    fragments: [String; 3],
) -> Result<(), sqlx::Error> {
    let [first, second, third] = fragments;
    sqlx::query(
        "insert into package_file (repository, revision, path, architecture, sha256, size_bytes, added_at,
         fragment_0, fragment_1, fragment_2) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.to_string())
    .bind(signed(file.revision.0))
    .bind(&file.path)
    .bind(architecture)
    .bind(file.sha256.to_string())
    .bind(signed(file.size_bytes))
    .bind(file.added_at)
    .bind(first)
    .bind(second)
    .bind(third)
    .execute(rows)
    .await?;
    Ok(())
}

async fn move_on(rows: &mut SqliteConnection, id: RepositoryId, changed: Changed) -> Result<(), sqlx::Error> {
    sqlx::query("update repository set changed_revision = ?, changed_at = ? where id = ?")
        .bind(signed(changed.revision.0))
        .bind(changed.at)
        .bind(id.to_string())
        .execute(rows)
        .await?;
    Ok(())
}

/// `pool/<file name>` or `packages/<file name>`. Two versions that differ only in their epoch have the same file name:
/// the later one gets a folder of its own, named by its digest.
async fn free_path(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    package: &Package,
) -> Result<String, ProjectionError> {
    let Package { file_name, sha256, .. } = package;
    let folder = match package.format() {
        Format::Deb => "pool",
        Format::Rpm => "packages",
    };
    let path = format!("{folder}/{file_name}");
    let row = sqlx::query(
        "select format, exists (select 1 from package_file where repository = id and path = ?) as taken
         from repository where id = ?",
    )
    .bind(&path)
    .bind(id.to_string())
    .fetch_optional(rows)
    .await?;
    let Some(row) = row else { return Err(ProjectionError::Contradiction(format!("there is no repository {id}"))) };
    let expected: &str = row.try_get("format")?;
    if expected != package.format().as_str() {
        let why = format!("repository {id} takes {expected} packages, and {file_name} is none");
        return Err(ProjectionError::Contradiction(why));
    }
    Ok(if row.try_get("taken")? { format!("{folder}/{sha256}/{file_name}") } else { path })
}

/// The rows of one publication. `newest_published` is the one that flips.
async fn publish(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    recorded: &Recorded<Event>,
    index: &SignedIndex,
) -> Result<(), ProjectionError> {
    let published_at = index.published_at.timestamp();
    let flipped = sqlx::query(
        "update repository set newest_published = ?1 where id = ?2 and coalesce(newest_published, ?1 - 1) < ?1",
    )
    .bind(published_at)
    .bind(id.to_string())
    .execute(&mut *rows)
    .await?;
    if flipped.rows_affected() != 1 {
        let why = format!("repository {id} has a publication at or after {} already", index.published_at);
        return Err(ProjectionError::Contradiction(why));
    }
    let json = serde_json::to_string(index).map_err(|error| ProjectionError::Contradiction(error.to_string()))?;
    sqlx::query(
        "insert into publication (repository, published_at, covers, position, signed_index) values (?, ?, ?, ?, ?)",
    )
    .bind(id.to_string())
    .bind(published_at)
    .bind(signed(index.covers.0))
    .bind(signed(recorded.position.0))
    .bind(json)
    .execute(&mut *rows)
    .await?;
    supersede(rows, id, index).await?;
    Ok(())
}

/// Files that the publication still has are current again; the others are superseded from now on.
async fn supersede(rows: &mut SqliteConnection, id: RepositoryId, index: &SignedIndex) -> Result<(), sqlx::Error> {
    let published_at = index.published_at.timestamp();
    sqlx::query("update named_by_digest set superseded_at = ? where repository = ? and superseded_at is null")
        .bind(published_at)
        .bind(id.to_string())
        .execute(&mut *rows)
        .await?;
    // Two lists with the same content have the same name.
    let files: BTreeMap<String, &IndexFile> = named_by_digest(index).collect();
    for (path, file) in files {
        let stored = serde_json::to_string(&file.stored).map_err(|error| sqlx::Error::Encode(error.into()))?;
        sqlx::query(
            "insert into named_by_digest (repository, path, sha256, size_bytes, stored, published_at)
             values (?, ?, ?, ?, ?, ?)
             on conflict (repository, path) do update set superseded_at = null",
        )
        .bind(id.to_string())
        .bind(path)
        .bind(file.sha256.to_string())
        .bind(signed(file.size_bytes))
        .bind(stored)
        .bind(published_at)
        .execute(&mut *rows)
        .await?;
    }
    Ok(())
}
