//! Reads and writes the tables of the repositories projector.

use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    ids::RepositoryId,
    recorded::Revision,
    repository::{SignedIndex, YankReason},
};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use projections::read_models::{parsed, signed, unsigned};
use sqlx::{Row as _, Sqlite, sqlite::SqliteRow};

use super::{
    changes::{Changed, FileRow, Fixed},
    index_renderer::{Entry, Identity},
};

/// The rows of a repository itself.
#[derive(Debug, Clone)]
pub(super) struct RepositoryRow {
    pub(super) id: RepositoryId,
    pub(super) fixed: Fixed,
    pub(super) changed: Changed,
    pub(super) newest_published: Option<i64>,
}

/// The states from one replacement or yank of a package to the next: between them a repository only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Era {
    /// The replacement it begins with; 0 for the first era.
    pub(super) start: Revision,
    /// The replacement that ends it.
    pub(super) end: Option<Revision>,
}

/// The era of the state at `covers`.
pub(super) async fn era<'e>(
    rows: impl sqlx::Executor<'e, Database = Sqlite>,
    repository: RepositoryId,
    covers: Revision,
) -> Result<Era, sqlx::Error> {
    let found = sqlx::query(
        "select
           (select max(ended_revision) from package_file where repository = ?1 and ended_revision <= ?2) as start_revision,
           (select min(ended_revision) from package_file where repository = ?1 and ended_revision > ?2) as end_revision",
    )
    .bind(repository.to_string())
    .bind(signed(covers.0))
    .fetch_one(rows);
    let row = found.await?;
    Ok(Era {
        start: optional_revision(&row, "start_revision")?.unwrap_or(Revision(0)),
        end: optional_revision(&row, "end_revision")?,
    })
}

pub(super) async fn repositories<'e>(
    rows: impl sqlx::Executor<'e, Database = Sqlite>,
) -> Result<Vec<RepositoryRow>, sqlx::Error> {
    let found =
        sqlx::query("select id, format, codename, changed_revision, changed_at, newest_published from repository")
            .fetch_all(rows);
    found.await?.iter().map(repository_row).collect()
}

fn repository_row(row: &SqliteRow) -> Result<RepositoryRow, sqlx::Error> {
    let changed = Changed { revision: revision(row, "changed_revision")?, at: row.try_get("changed_at")? };
    let fixed = Fixed { format: parsed(row, "format")?, codename: row.try_get("codename")? };
    Ok(RepositoryRow { id: parsed(row, "id")?, fixed, changed, newest_published: row.try_get("newest_published")? })
}

pub(super) async fn identity<'e>(
    rows: impl sqlx::Executor<'e, Database = Sqlite>,
    repository: RepositoryId,
) -> Result<Option<Identity>, sqlx::Error> {
    let found = sqlx::query("select format, origin, label, codename from repository where id = ?")
        .bind(repository.to_string())
        .fetch_optional(rows);
    let Some(row) = found.await? else { return Ok(None) };
    Ok(Some(Identity {
        format: parsed(&row, "format")?,
        origin: row.try_get("origin")?,
        label: row.try_get("label")?,
        codename: row.try_get("codename")?,
    }))
}

/// The packages of an era after `known`, in the order in which they were added; one at a time, since all their texts
/// together are large.
pub(super) fn entries_after<'e>(
    rows: impl sqlx::Executor<'e, Database = Sqlite> + 'e,
    repository: RepositoryId,
    era: Era,
    known: Revision,
) -> impl Stream<Item = Result<Entry, sqlx::Error>> + 'e {
    let entry = |row: SqliteRow| {
        Ok(Entry {
            revision: revision(&row, "revision")?,
            architecture: row.try_get("architecture")?,
            fragments: [row.try_get("fragment_0")?, row.try_get("fragment_1")?, row.try_get("fragment_2")?],
        })
    };
    sqlx::query(
        "select revision, architecture, fragment_0, fragment_1, fragment_2 from package_file
         where repository = ? and revision > ? and revision < ? and coalesce(ended_revision > ?, true)
         order by revision",
    )
    .bind(repository.to_string())
    .bind(signed(known.0))
    .bind(era.end.map_or(i64::MAX, |end| signed(end.0)))
    .bind(signed(era.start.0))
    .fetch(rows)
    .map(move |row| row.and_then(entry))
}

pub(super) async fn files<'e>(
    rows: impl sqlx::Executor<'e, Database = Sqlite>,
) -> Result<Vec<(RepositoryId, FileRow)>, sqlx::Error> {
    let file = |row: SqliteRow| {
        let file = FileRow {
            path: row.try_get("path")?,
            revision: revision(&row, "revision")?,
            sha256: parsed(&row, "sha256")?,
            size_bytes: unsigned(row.try_get("size_bytes")?),
            added_at: row.try_get("added_at")?,
            ended: optional_revision(&row, "ended_revision")?,
        };
        Ok((parsed(&row, "repository")?, file))
    };
    sqlx::query(
        "select repository, revision, path, sha256, size_bytes, added_at, ended_revision from package_file
         order by repository, revision",
    )
    .fetch(rows)
    .and_then(|row| std::future::ready(file(row)))
    .try_collect()
    .await
}

/// Every yanked file.
pub(super) async fn yanks<'e>(
    rows: impl sqlx::Executor<'e, Database = Sqlite>,
) -> Result<Vec<(RepositoryId, Sha256, YankReason)>, sqlx::Error> {
    let found = sqlx::query("select repository, sha256, reason from yank").fetch_all(rows);
    let yank = |row: &SqliteRow| Ok((parsed(row, "repository")?, parsed(row, "sha256")?, parsed(row, "reason")?));
    found.await?.iter().map(yank).collect()
}

/// The architectures of the packages that were added before an era began, whatever became of them: their machines go on
/// asking for their lists.
pub(super) async fn architectures_before<'e>(
    rows: impl sqlx::Executor<'e, Database = Sqlite>,
    repository: RepositoryId,
    era: Era,
) -> Result<Vec<String>, sqlx::Error> {
    let found =
        sqlx::query_scalar("select distinct architecture from package_file where repository = ? and revision < ?");
    found.bind(repository.to_string()).bind(signed(era.start.0)).fetch_all(rows).await
}

/// The publication that clients saw at `at`: the newest that is not later.
pub(super) async fn publication_at<'e>(
    rows: impl sqlx::Executor<'e, Database = Sqlite>,
    repository: RepositoryId,
    at: i64,
) -> Result<Option<SignedIndex>, sqlx::Error> {
    let found = sqlx::query(
        "select signed_index from publication where repository = ? and published_at <= ?
         order by published_at desc limit 1",
    )
    .bind(repository.to_string())
    .bind(at)
    .fetch_optional(rows);
    let decoded = |row: SqliteRow| {
        serde_json::from_str(row.try_get("signed_index")?).map_err(|error| sqlx::Error::Decode(error.into()))
    };
    found.await?.map(decoded).transpose()
}

fn revision(row: &SqliteRow, column: &str) -> Result<Revision, sqlx::Error> {
    Ok(Revision(unsigned(row.try_get(column)?)))
}

fn optional_revision(row: &SqliteRow, column: &str) -> Result<Option<Revision>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(|revision| Revision(unsigned(revision))))
}

/// A time of whole seconds in a row.
pub(super) fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH)
}
