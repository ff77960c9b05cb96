//! Every publication there ever was: which one a point means, and the list of them. Answered from rows alone, so that
//! it can be asked without a running server too.

use std::path::Path;

use chrono::{DateTime, Utc};
use domain::{
    ids::{ProjectId, RepositoryId},
    names::{OrganisationName, ProjectName, SnapshotName, TagName},
    package::Format,
    recorded::{Position, Revision},
    repository::PointInTime,
};
use projections::{
    checkpoint::checkpoints,
    read_models::{parsed, signed, time, unsigned},
};
use sqlx::{
    Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow},
};

use super::{projector::VERSION, rows};

/// Most items in one answer.
pub const HISTORY_PAGE_MAX: u32 = 200;

/// The past of all repositories. Cheap to clone.
#[derive(Clone)]
pub struct History {
    pub(super) readers: SqlitePool,
}

/// A publication, as a point means it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// When: its name in addresses.
    pub published_at: DateTime<Utc>,
    /// The state: every event of the repository's stream up to this revision.
    pub covers: Revision,
    /// Where its event is in this log.
    pub position: Position,
    /// The point will never mean another publication.
    pub is_settled: bool,
}

/// A publication that was given a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The name.
    pub name: SnapshotName,
    /// Which publication.
    pub published_at: DateTime<Utc>,
    /// When it was given the name.
    pub taken_at: DateTime<Utc>,
}

/// Why the history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The read models cannot be read.
    #[error("cannot read the read models (tables built from the event log)")]
    Rows(#[from] sqlx::Error),
    /// Another version of the program filled them, or none has yet.
    #[error(
        "the read models (tables built from the event log) are those of another version of pkgdeploy: start the server once to rebuild them"
    )]
    OtherVersion,
}

/// Why a point in time does not lead to a publication.
#[derive(Debug, thiserror::Error)]
pub enum PointError {
    /// There is no such point, and why.
    #[error("the repository has no version for the point in time {point}: {why}")]
    Absent {
        /// Which.
        point: PointInTime,
        /// What is unknown.
        why: String,
    },
    /// The read models cannot be read.
    #[error("cannot read the read models (tables built from the event log)")]
    Rows(#[from] sqlx::Error),
}

impl History {
    /// The past in the read models at `path`, which must be there, read-only: a server may be running on them.
    ///
    /// # Errors
    /// See [`HistoryError`].
    pub async fn open(path: &Path) -> Result<Self, HistoryError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let readers = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        let filled = checkpoints(&readers).await?.get(super::REPOSITORIES).copied();
        if filled.is_some_and(|filled| filled.version == VERSION) {
            Ok(Self { readers })
        } else {
            Err(HistoryError::OtherVersion)
        }
    }

    /// What the repository holds; none if there is no such repository.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn format(&self, repository: RepositoryId) -> Result<Option<Format>, sqlx::Error> {
        let found = sqlx::query("select format from repository where id = ?").bind(repository.to_string());
        found.fetch_optional(&self.readers).await?.map(|row| parsed(&row, "format")).transpose()
    }

    /// The past that these read models hold.
    #[must_use]
    pub fn new(readers: SqlitePool) -> Self {
        Self { readers }
    }

    /// The publication that `point` means; none if there is no such point.
    ///
    /// # Errors
    /// The read models cannot be read; so in all of these.
    pub async fn publication(
        &self,
        repository: RepositoryId,
        point: &PointInTime,
    ) -> Result<Option<Published>, sqlx::Error> {
        // A release's packages are complete when the release is, which its repositories do not know.
        let query = match point {
            PointInTime::Newest => sqlx::query(
                "select published_at, covers, position, 0 as is_settled from publication
                 where repository = ? order by published_at desc limit 1",
            )
            .bind(repository.to_string()),
            PointInTime::At(at) => sqlx::query(
                "select published_at, covers, position,
                   exists (select 1 from publication where repository = ?1 and published_at >= ?2) as is_settled
                 from publication where repository = ?1 and published_at <= ?2 order by published_at desc limit 1",
            )
            .bind(repository.to_string())
            .bind(at.timestamp()),
            PointInTime::Position(position) => sqlx::query(
                "select published_at, covers, position,
                   exists (select 1 from publication where repository = ?1 and position >= ?2) as is_settled
                 from publication where repository = ?1 and position <= ?2 order by position desc limit 1",
            )
            .bind(repository.to_string())
            .bind(signed(position.0)),
            PointInTime::Release(release) => sqlx::query(
                "select published_at, covers, position, 0 as is_settled from publication
                 where repository = ?1
                   and covers >= (select max(revision) from package_file where repository = ?1 and release = ?2)
                 order by covers, published_at limit 1",
            )
            .bind(repository.to_string())
            .bind(release.to_string()),
            PointInTime::Tag(project, tag) => {
                let Some(organisation) = self.organisation(repository).await? else { return Ok(None) };
                sqlx::query(
                    "select published_at, covers, publication.position, 0 as is_settled
                     from tagged_release join publication on repository = ?1
                       and covers >= (select max(revision) from package_file
                                      where repository = ?1 and release = tagged_release.release)
                     where project = ?2 and tag = ?3
                     order by tagged_release.position desc, covers, published_at limit 1",
                )
                .bind(repository.to_string())
                .bind(ProjectId::named(&organisation, project).to_string())
                .bind(tag.as_str())
            }
            PointInTime::Snapshot(name) => sqlx::query(
                "select published_at, covers, position, 1 as is_settled
                 from publication join snapshot using (repository, published_at) where repository = ? and name = ?",
            )
            .bind(repository.to_string())
            .bind(name.as_str()),
        };
        query.fetch_optional(&self.readers).await?.as_ref().map(published).transpose()
    }

    /// The publication that `point` means, for the team that owns the repository: the error says exactly what is
    /// unknown. Clients that may install from it get less detail ([`PointInTime::absence`]).
    ///
    /// # Errors
    /// See [`PointError`].
    pub async fn meant(&self, repository: RepositoryId, point: &PointInTime) -> Result<Published, PointError> {
        if let Some(published) = self.publication(repository, point).await? {
            return Ok(published);
        }
        let why = match point {
            PointInTime::Tag(project, tag) => self.untagged(repository, project, tag).await?,
            _ => None,
        };
        Err(PointError::Absent { point: point.clone(), why: why.unwrap_or_else(|| point.absence().to_owned()) })
    }

    /// That the repository's organisation has no release of such a project, or that project none of such a tag.
    async fn untagged(
        &self,
        repository: RepositoryId,
        project: &ProjectName,
        tag: &TagName,
    ) -> Result<Option<String>, sqlx::Error> {
        let Some(organisation) = self.organisation(repository).await? else { return Ok(None) };
        let found = sqlx::query(
            "select exists (select 1 from tagged_release where project = ?1) as has_project,
                    exists (select 1 from tagged_release where project = ?1 and tag = ?2) as has_tag",
        )
        .bind(ProjectId::named(&organisation, project).to_string())
        .bind(tag.as_str())
        .fetch_one(&self.readers)
        .await?;
        Ok(match (found.try_get("has_project")?, found.try_get("has_tag")?) {
            (false, _) => Some(format!("{organisation} has no project {project} with a release")),
            (true, false) => Some(format!("the project {project} has no release of the tag {tag}")),
            (true, true) => None,
        })
    }

    async fn organisation(&self, repository: RepositoryId) -> Result<Option<OrganisationName>, sqlx::Error> {
        let found = sqlx::query("select organisation from repository where id = ?").bind(repository.to_string());
        found.fetch_optional(&self.readers).await?.map(|row| parsed(&row, "organisation")).transpose()
    }

    /// The publications before `before`, or all, newest first; `limit` of them, at most [`HISTORY_PAGE_MAX`].
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn publications(
        &self,
        repository: RepositoryId,
        before: Option<DateTime<Utc>>,
        limit: u32,
    ) -> Result<Vec<Published>, sqlx::Error> {
        let found = sqlx::query(
            "select published_at, covers, position, 1 as is_settled from publication
             where repository = ? and published_at < ? order by published_at desc limit ?",
        )
        .bind(repository.to_string())
        .bind(before.map_or(i64::MAX, |before| before.timestamp()))
        .bind(limit.min(HISTORY_PAGE_MAX))
        .fetch_all(&self.readers);
        found.await?.iter().map(published).collect()
    }
}

impl History {
    /// The snapshots after the one called `after`, or all, by name; `limit` of them, at most [`HISTORY_PAGE_MAX`].
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn snapshots(
        &self,
        repository: RepositoryId,
        after: Option<&SnapshotName>,
        limit: u32,
    ) -> Result<Vec<Snapshot>, sqlx::Error> {
        let found = sqlx::query(
            "select name, published_at, taken_at from snapshot where repository = ? and name > ? order by name limit ?",
        )
        .bind(repository.to_string())
        .bind(after.map_or("", SnapshotName::as_str).to_owned())
        .bind(limit.min(HISTORY_PAGE_MAX))
        .fetch_all(&self.readers);
        found.await?.iter().map(snapshot).collect()
    }

    /// The names of the publication that was made at `published_at`: at most [`HISTORY_PAGE_MAX`], by name.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn names_of(
        &self,
        repository: RepositoryId,
        published_at: DateTime<Utc>,
    ) -> Result<Vec<SnapshotName>, sqlx::Error> {
        let found =
            sqlx::query("select name from snapshot where repository = ? and published_at = ? order by name limit ?")
                .bind(repository.to_string())
                .bind(published_at.timestamp())
                .bind(HISTORY_PAGE_MAX)
                .fetch_all(&self.readers);
        found.await?.iter().map(|row| parsed(row, "name")).collect()
    }
}

fn snapshot(row: &SqliteRow) -> Result<Snapshot, sqlx::Error> {
    Ok(Snapshot {
        name: parsed(row, "name")?,
        published_at: rows::time(row.try_get("published_at")?),
        taken_at: time(row, "taken_at")?,
    })
}

fn published(row: &SqliteRow) -> Result<Published, sqlx::Error> {
    Ok(Published {
        published_at: rows::time(row.try_get("published_at")?),
        covers: Revision(unsigned(row.try_get("covers")?)),
        position: Position(unsigned(row.try_get("position")?)),
        is_settled: row.try_get("is_settled")?,
    })
}
