//! Folds repository events into rows, and promotes what was signed if rendering it here gives the same bytes. What
//! another renderer rendered is promoted as it was recorded. Of releases it keeps whose tag they are of: a point names
//! them so.

use std::sync::Arc;

use domain::{
    digest::Sha256,
    event::Event,
    ids::{ReleaseId, RepositoryId},
    package::{Facts, FileList, Format, Package, PackagedFile, RpmFacts},
    recorded::Recorded,
    release,
    repository::{self, SignedIndex, YankPolicy, YankReason},
};
use formats::{apt, yum};
use futures::future::BoxFuture;
use projections::projector::{ProjectionError, Projector};
use sqlx::SqliteConnection;

use super::{
    RENDERER, Repositories,
    by_hash::NamedFiles,
    changes::{Changed, FileRow, Fixed, NewFile},
    publication::Publication,
    renderer_cache::Locked,
    rows,
    signable::Signable,
    unwritten_rows::{TaggedRelease, UnwrittenRows},
    writes,
};

/// Text that is rendered without leaving it to another thread: hashing all of it takes 0.2 ms at most.
const RENDERED_AT_ONCE_MAX_BYTES: usize = 256 * 1024;
/// Goes up when the tables change.
const TABLES: u32 = 9;
/// Rows hold rendered fragments, all of one renderer: another one fills them again.
pub(super) const VERSION: u32 = TABLES * 1_000 + RENDERER;

/// Writes the repositories' rows, and their memory after each commit.
pub struct RepositoriesProjector {
    repositories: Repositories,
    staged: Vec<(RepositoryId, Staged)>,
    unwritten: UnwrittenRows,
    named: NamedFiles,
    /// It has logged that it accepts indexes as recorded.
    has_trusted: bool,
}

enum Staged {
    Created(Fixed, Changed),
    Added(Changed, FileRow),
    /// With the path of the file that was there before.
    Resigned(Changed, FileRow, String),
    /// With the path of the file, if it is hidden.
    Yanked(Changed, Sha256, YankReason, Option<String>),
    /// With its row, if it was hidden.
    Restored(Changed, Sha256, Option<FileRow>),
    Published(Arc<Publication>),
}

impl RepositoriesProjector {
    pub(super) fn new(repositories: Repositories) -> Self {
        Self {
            repositories,
            staged: Vec::new(),
            unwritten: UnwrittenRows::default(),
            named: NamedFiles::default(),
            has_trusted: false,
        }
    }

    async fn fold(
        &mut self,
        rows: &mut SqliteConnection,
        recorded: &Recorded<Event>,
        event: &repository::Event,
    ) -> Result<(), ProjectionError> {
        let id = RepositoryId(recorded.stream.id());
        if !matches!(event, repository::Event::PackageAdded { .. } | repository::Event::IndexSigned(_)) {
            // Rare, and about files that were added.
            self.unwritten.write(&mut *rows).await?;
        }
        let staged = match event {
            repository::Event::Created { organisation, format, origin, label, codename, .. } => {
                let changed = changed_by(recorded);
                writes::create(rows, id, organisation, *format, [origin, label, codename], changed).await?;
                self.unwritten.create(id, *format);
                Staged::Created(Fixed { format: *format, codename: codename.clone() }, changed)
            }
            repository::Event::PackageAdded { package, release, .. } => {
                let changed = changed_by(recorded);
                let file = self.add(id, changed, package, *release).await?;
                Staged::Added(changed, file)
            }
            repository::Event::PackageResigned { replaces, package, .. } => {
                let changed = changed_by(recorded);
                let missing =
                    || ProjectionError::Contradiction(format!("repository {id} has no file {replaces} to replace"));
                let ended = writes::end_file(rows, id, *replaces, changed.revision).await?.ok_or_else(missing)?;
                self.unwritten.ended(id, changed);
                let file = self.add(id, changed, package, None).await?;
                writes::carry_yank(rows, id, *replaces, package.sha256).await?;
                Staged::Resigned(changed, file, ended)
            }
            repository::Event::PackageYanked { sha256, reason, policy } => {
                let changed = changed_by(recorded);
                let missing =
                    || ProjectionError::Contradiction(format!("repository {id} has no file {sha256} to yank"));
                writes::yank(rows, id, *sha256, reason, *policy).await?;
                let hidden = match policy {
                    YankPolicy::Keep => None,
                    YankPolicy::Hide => {
                        let path = writes::end_file(rows, id, *sha256, changed.revision).await?.ok_or_else(missing)?;
                        self.unwritten.ended(id, changed);
                        Some(path)
                    }
                };
                Staged::Yanked(changed, *sha256, reason.clone(), hidden)
            }
            repository::Event::PackageRestored { sha256 } => {
                let changed = changed_by(recorded);
                let missing = || ProjectionError::Contradiction(format!("repository {id} has no yanked file {sha256}"));
                let file = match writes::unyank(rows, id, *sha256).await?.ok_or_else(missing)? {
                    YankPolicy::Keep => None,
                    YankPolicy::Hide => {
                        let file =
                            writes::live_again(rows, id, *sha256, changed.revision).await?.ok_or_else(missing)?;
                        self.unwritten.restored(id, changed);
                        Some(file)
                    }
                };
                Staged::Restored(changed, *sha256, file)
            }
            repository::Event::YankPolicySet { .. } => return Ok(()),
            repository::Event::SnapshotTaken { name, published_at } => {
                return Ok(writes::take_snapshot(rows, recorded, name, *published_at).await?);
            }
            repository::Event::SnapshotRemoved { name } => {
                return Ok(writes::remove_snapshot(rows, id, name).await?);
            }
            repository::Event::IndexSigned(index) => {
                if index.renderer <= RENDERER {
                    self.verify(rows, id, index).await?;
                } else {
                    self.trust(id, index);
                }
                self.follows(id, index)?;
                self.unwritten.publish(id, recorded.position, index)?;
                self.named.publish(rows, id, index).await?;
                Staged::Published(Arc::new(Publication::of(index)))
            }
        };
        self.staged.push((id, staged));
        Ok(())
    }

    /// Renders the package's fragments, once for all its publications.
    async fn add(
        &mut self,
        id: RepositoryId,
        changed: Changed,
        package: &Package,
        release: Option<ReleaseId>,
    ) -> Result<FileRow, ProjectionError> {
        let path = self.free_path(id, package)?;
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
        let file = FileRow { path, revision, sha256, size_bytes, added_at: changed.at, ended: None };
        self.unwritten.add(id, changed, NewFile::of(file.clone(), package, release, fragments));
        Ok(file)
    }

    /// `pool/<file name>` or `packages/<file name>`. Two versions that differ only in their epoch have the same file
    /// name: the later one gets a separate folder, named by its digest; so does a file that replaces another.
    fn free_path(&self, id: RepositoryId, package: &Package) -> Result<String, ProjectionError> {
        let served_index = self.repositories.served_indexes.get(id);
        let Some(expected) =
            self.unwritten.format(id).or(served_index.as_ref().map(|served_index| served_index.format()))
        else {
            return Err(ProjectionError::Contradiction(format!("there is no repository {id}")));
        };
        let Package { file_name, sha256, .. } = package;
        if expected != package.format() {
            let why = format!("repository {id} takes {} packages, and {file_name} is not one", expected.as_str());
            return Err(ProjectionError::Contradiction(why));
        }
        let folder = match expected {
            Format::Deb => "pool",
            Format::Rpm => "packages",
        };
        let path = format!("{folder}/{file_name}");
        let is_taken =
            self.unwritten.has_path(id, &path) || served_index.is_some_and(|served_index| served_index.has_path(&path));
        Ok(if is_taken { format!("{folder}/{sha256}/{file_name}") } else { path })
    }

    async fn file_list(&self, rpm: &RpmFacts) -> Result<Vec<PackagedFile>, ProjectionError> {
        match &rpm.files {
            FileList::Inline(files) => Ok(files.clone()),
            FileList::Blob(digest) => {
                let json = self.repositories.blobs.get(*digest).await?;
                serde_json::from_slice(&json).map_err(|error| {
                    ProjectionError::Contradiction(format!("blob {digest} is not a list of files: {error}"))
                })
            }
        }
    }

    /// Accepts `index` as recorded: it was compared when it was signed, and this version would render it differently.
    fn trust(&mut self, id: RepositoryId, index: &SignedIndex) {
        if !std::mem::replace(&mut self.has_trusted, true) {
            let SignedIndex { covers, renderer, .. } = index;
            tracing::info!(
                repository.id = %id,
                "indexes of renderer {renderer} are accepted as recorded (this is renderer {RENDERER}), first that of {id} for revision {covers}"
            );
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
        let served_index = self.repositories.served_indexes.get(id);
        let fresh = self.unwritten.fresh(id, served_index.as_deref());
        let renderers = &self.repositories.renderers;
        let renderer = renderers.caught_up_with(&mut *rows, id, index.covers, &fresh).await?.ok_or_else(unknown)?;
        let rendered = match rendered(renderer, index).await?.ok_or_else(unknown)? {
            Ok(rendered) => rendered,
            Err(why) => return Err(self.differs(id, index, why).await),
        };
        if rendered.path != index.signed.path {
            let why = format!("what is signed belongs at {}", rendered.path);
            return Err(self.differs(id, index, why).await);
        }
        if Sha256::of(rendered.text.as_bytes()) != index.signed.sha256 {
            let why = self.difference(index, &rendered.text).await;
            return Err(self.differs(id, index, why).await);
        }
        Ok(())
    }

    /// Publications of a repository come one after the other.
    fn follows(&self, id: RepositoryId, index: &SignedIndex) -> Result<(), ProjectionError> {
        let served_index = self.repositories.served_indexes.get(id);
        let committed = || Some(served_index.as_ref()?.newest()?.published_at.timestamp());
        match self.unwritten.newest_published(id).or_else(committed) {
            Some(newest) if newest >= index.published_at.timestamp() => Err(ProjectionError::Contradiction(format!(
                "repository {id} has a publication at or after {} already",
                index.published_at
            ))),
            _ if served_index.is_none() && self.unwritten.format(id).is_none() => {
                Err(ProjectionError::Contradiction(format!("there is no repository {id}")))
            }
            _ => Ok(()),
        }
    }

    /// Why the index is not what it was signed as, down to the first byte of a list if that can be found.
    async fn differs(&self, id: RepositoryId, index: &SignedIndex, mut why: String) -> ProjectionError {
        if let Some(first) = self.repositories.first_difference(id, index).await {
            why = format!("{why}; {first}");
        }
        let SignedIndex { covers, signed, .. } = index;
        ProjectionError::Contradiction(format!(
            "the index signed for revision {covers} ({}, SHA-256 {}) is not what that state renders to: {why}",
            signed.path, signed.sha256
        ))
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
                    let [signed, rendered] = [signed, rendered].map(Option::unwrap_or_default);
                    return format!("line {line} was signed as {signed:?} and is rendered as {rendered:?}");
                }
                _ => {}
            }
        }
    }
}

impl Projector for RepositoriesProjector {
    fn name(&self) -> &'static str {
        super::REPOSITORIES
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn tables(&self) -> &'static [&'static str] {
        &["repository", "package_file", "publication", "tagged_release", "snapshot", "by_hash", "yank"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../../migrations/read_models/sqlite/repositories.sql")
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["repository", "release"]
    }

    fn load<'a>(&'a mut self, rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let Repositories { served_indexes, renderers, .. } = &self.repositories;
            served_indexes.clear();
            renderers.clear();
            self.named = NamedFiles::default();
            for row in rows::repositories(&mut *rows).await? {
                let newest = match row.newest_published {
                    None => None,
                    Some(at) => rows::publication_at(&mut *rows, row.id, at).await?,
                };
                served_indexes.put(
                    row.id,
                    row.fixed,
                    row.changed,
                    newest.map(|index| Arc::new(Publication::of(&index))),
                );
            }
            for (id, file) in rows::files(&mut *rows).await? {
                if let Some(served_index) = served_indexes.get(id) {
                    served_index.add(file);
                }
            }
            for (id, sha256, reason) in rows::yanks(&mut *rows).await? {
                if let Some(served_index) = served_indexes.get(id) {
                    served_index.yank(sha256, reason);
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
                Event::Release(release::Event::Received { project, tag, .. }) => {
                    let (project, tag, position) = (*project, tag.clone(), recorded.position);
                    self.unwritten.tag(TaggedRelease {
                        project,
                        tag,
                        position,
                        release: ReleaseId(recorded.stream.id()),
                    });
                    Ok(())
                }
                _ => Ok(()),
            }
        })
    }

    fn finish<'a>(&'a mut self, rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            self.unwritten.write(&mut *rows).await?;
            self.named.write(rows).await?;
            Ok(())
        })
    }

    fn committed(&mut self) {
        self.unwritten.over();
        self.named.committed();
        if self.staged.is_empty() {
            return;
        }
        let served_indexes = &self.repositories.served_indexes;
        for (id, staged) in self.staged.drain(..) {
            match (staged, served_indexes.get(id)) {
                (Staged::Created(fixed, changed), _) => served_indexes.put(id, fixed, changed, None),
                (Staged::Added(changed, file), Some(served_index)) => {
                    served_index.add(file);
                    served_index.change(changed);
                }
                (Staged::Resigned(changed, file, ended), Some(served_index)) => {
                    served_index.carry_yank(&ended, file.sha256);
                    served_index.end(&ended, file.revision);
                    served_index.add(file);
                    served_index.change(changed);
                }
                (Staged::Yanked(changed, sha256, reason, hidden), Some(served_index)) => {
                    served_index.yank(sha256, reason);
                    if let Some(path) = hidden {
                        served_index.end(&path, changed.revision);
                        served_index.change(changed);
                    }
                }
                (Staged::Restored(changed, sha256, file), Some(served_index)) => {
                    served_index.unyank(&sha256);
                    if let Some(file) = file {
                        served_index.add(file);
                        served_index.change(changed);
                    }
                }
                (Staged::Published(publication), Some(served_index)) => served_index.publish(publication),
                // `create` comes first in a stream, and its row in the same order.
                (_, None) => {}
            }
        }
        self.repositories.changed.send_modify(|generation| *generation += 1);
    }

    fn abandoned(&mut self) {
        // An event that failed staged nothing, but its repository's renderer may have read rows that were rolled back.
        self.staged.clear();
        self.unwritten.over();
        self.named.abandoned();
        self.repositories.renderers.clear();
    }
}

/// What `renderer` renders for the state that `index` covers, or why it cannot; none if it knows no repository.
async fn rendered(
    mut renderer: Locked,
    index: &SignedIndex,
) -> Result<Option<Result<Signable, String>>, ProjectionError> {
    let (covers, published_at) = (index.covers, index.published_at);
    let Some(known) = renderer.as_mut() else { return Ok(None) };
    if known.text_bytes() <= RENDERED_AT_ONCE_MAX_BYTES {
        return Ok(Some(known.signable(covers, published_at, &index.files, &index.stated)));
    }
    let (files, stated) = (index.files.clone(), index.stated.clone());
    let rendering = tokio::task::spawn_blocking(move || {
        renderer.as_mut().map(|renderer| renderer.signable(covers, published_at, &files, &stated))
    });
    rendering.await.map_err(|error| ProjectionError::Contradiction(error.to_string()))
}

fn changed_by(recorded: &Recorded<Event>) -> Changed {
    Changed { revision: recorded.revision, at: recorded.metadata.recorded_at.timestamp() }
}
