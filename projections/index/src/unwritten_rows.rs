//! Package files, publications and releases that are not written yet: collected, and written together.

use std::{
    collections::{BTreeMap, HashSet},
    sync::LazyLock,
};

use domain::{
    ids::{ProjectId, ReleaseId, RepositoryId},
    names::TagName,
    package::Format,
    recorded::{Position, Revision},
    repository::SignedIndex,
};
use projections::{
    bulk::{Insert, Statement},
    projector::ProjectionError,
    read_models::signed,
};
use sqlx::SqliteConnection;

use super::{
    changes::{Changed, Fresh, NewFile},
    served_index::ServedIndex,
    writes,
};

static ADD: LazyLock<Insert> = LazyLock::new(|| {
    let columns = [
        "repository",
        "revision",
        "path",
        "name",
        "version",
        "architecture",
        "sha256",
        "size_bytes",
        "added_at",
        "release",
        "fragment_0",
        "fragment_1",
        "fragment_2",
    ];
    Insert::new("package_file", &columns)
});

static PUBLISH: LazyLock<Insert> =
    LazyLock::new(|| Insert::new("publication", &["repository", "published_at", "covers", "position", "signed_index"]));

static TAG: LazyLock<Insert> =
    LazyLock::new(|| Insert::new("tagged_release", &["project", "tag", "position", "release"]));

/// What a transaction has added so far.
#[derive(Default)]
pub(super) struct UnwrittenRows {
    repositories: BTreeMap<RepositoryId, Added>,
    publications: Vec<NewPublication>,
    releases: Vec<TaggedRelease>,
}

/// What it has added to one repository.
#[derive(Default)]
struct Added {
    /// Not written yet, in the order of their revisions.
    files: Vec<NewFile>,
    changed: Option<Changed>,
    newest_published: Option<i64>,
    is_written: bool,
    /// What no served index shows before the transaction is committed.
    created: Option<Format>,
    paths: HashSet<String>,
    newest_written: Revision,
    newest_end: Revision,
}

struct NewPublication {
    repository: RepositoryId,
    published_at: i64,
    covers: Revision,
    position: Position,
    signed_index: String,
}

/// A release, and what it is of.
pub(super) struct TaggedRelease {
    pub(super) project: ProjectId,
    pub(super) tag: TagName,
    /// Where it begins.
    pub(super) position: Position,
    pub(super) release: ReleaseId,
}

impl UnwrittenRows {
    pub(super) fn create(&mut self, id: RepositoryId, format: Format) {
        self.repositories.entry(id).or_default().created = Some(format);
    }

    /// Of which format the repository is, if this transaction created it.
    pub(super) fn format(&self, id: RepositoryId) -> Option<Format> {
        self.repositories.get(&id)?.created
    }

    /// Whether this transaction put a file at `path`.
    pub(super) fn has_path(&self, id: RepositoryId, path: &str) -> bool {
        self.repositories.get(&id).is_some_and(|added| added.paths.contains(path))
    }

    /// When the newest publication of this transaction was published.
    pub(super) fn newest_published(&self, id: RepositoryId) -> Option<i64> {
        self.repositories.get(&id)?.newest_published
    }

    /// What this transaction changed in the repository's files, compared with `served_index`.
    pub(super) fn fresh(&self, id: RepositoryId, served_index: Option<&ServedIndex>) -> Fresh<'_> {
        let mut fresh = served_index.map_or_else(Fresh::default, ServedIndex::fresh);
        if let Some(added) = self.repositories.get(&id) {
            fresh.newest_end = fresh.newest_end.max(added.newest_end);
            fresh.newest_written = fresh.newest_written.max(added.newest_written);
            fresh.unwritten = &added.files;
        }
        fresh
    }

    /// The next index of the repository must cover `changed`.
    pub(super) fn add(&mut self, id: RepositoryId, changed: Changed, new: NewFile) {
        let added = self.repositories.entry(id).or_default();
        added.paths.insert(new.file.path.clone());
        added.files.push(new);
        added.change(changed);
    }

    /// The event at `changed` ended a file, in the rows.
    pub(super) fn ended(&mut self, id: RepositoryId, changed: Changed) {
        let added = self.repositories.entry(id).or_default();
        added.newest_end = changed.revision;
        added.change(changed);
    }

    /// The event at `changed` brought a file back, in the rows.
    pub(super) fn restored(&mut self, id: RepositoryId, changed: Changed) {
        let added = self.repositories.entry(id).or_default();
        added.newest_written = changed.revision;
        added.change(changed);
    }

    pub(super) fn publish(
        &mut self,
        id: RepositoryId,
        position: Position,
        index: &SignedIndex,
    ) -> Result<(), ProjectionError> {
        let signed_index =
            serde_json::to_string(index).map_err(|error| ProjectionError::Contradiction(error.to_string()))?;
        let (published_at, covers) = (index.published_at.timestamp(), index.covers);
        let added = self.repositories.entry(id).or_default();
        added.newest_published = Some(published_at);
        added.is_written = false;
        self.publications.push(NewPublication { repository: id, published_at, covers, position, signed_index });
        Ok(())
    }

    pub(super) fn tag(&mut self, release: TaggedRelease) {
        self.releases.push(release);
    }

    /// Writes what is not written yet. Call it before reading or changing files by SQL.
    pub(super) async fn write(&mut self, rows: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let files: Vec<_> =
            self.repositories.iter().flat_map(|(id, added)| added.files.iter().map(move |new| (*id, new))).collect();
        ADD.write(&mut *rows, files.into_iter(), bind).await?;
        PUBLISH.write(&mut *rows, self.publications.iter(), bind_publication).await?;
        self.publications.clear();
        self.releases.sort_unstable_by(|a, b| (a.project, &a.tag, a.position).cmp(&(b.project, &b.tag, b.position)));
        TAG.write(&mut *rows, self.releases.iter(), bind_release).await?;
        self.releases.clear();
        for (id, added) in self.repositories.iter_mut().filter(|(_, added)| !added.is_written) {
            if let Some(last) = added.files.drain(..).next_back() {
                added.newest_written = last.file.revision;
            }
            writes::move_on(&mut *rows, *id, added.changed, added.newest_published).await?;
            added.is_written = true;
        }
        Ok(())
    }

    /// Forgets everything when the transaction ends.
    pub(super) fn over(&mut self) {
        *self = Self::default();
    }
}

impl Added {
    fn change(&mut self, changed: Changed) {
        self.changed = Some(changed);
        self.is_written = false;
    }
}

fn bind_publication<'q>(statement: Statement<'q>, new: &NewPublication) -> Statement<'q> {
    statement
        .bind(new.repository.to_string())
        .bind(new.published_at)
        .bind(signed(new.covers.0))
        .bind(signed(new.position.0))
        .bind(new.signed_index.as_str())
}

fn bind_release<'q>(statement: Statement<'q>, new: &TaggedRelease) -> Statement<'q> {
    statement
        .bind(new.project.to_string())
        .bind(new.tag.as_str())
        .bind(signed(new.position.0))
        .bind(new.release.to_string())
}

fn bind<'q>(statement: Statement<'q>, (id, new): (RepositoryId, &NewFile)) -> Statement<'q> {
    let NewFile { file, name, version, architecture, release, fragments } = new;
    let statement = statement
        .bind(id.to_string())
        .bind(signed(file.revision.0))
        .bind(file.path.as_str())
        .bind(name.as_str())
        .bind(version.as_str())
        .bind(architecture.as_str())
        .bind(file.sha256.to_string())
        .bind(signed(file.size_bytes))
        .bind(file.added_at)
        .bind(release.map(|release| release.to_string()));
    fragments.iter().fold(statement, |statement, fragment| statement.bind(fragment.as_str()))
}
