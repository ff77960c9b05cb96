//! What the repositories projector writes into its tables.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    event::Event,
    ids::{ReleaseId, RepositoryId},
    names::SnapshotName,
    package::{Format, Package},
    recorded::{Recorded, Revision},
    repository::{IndexFile, SignedIndex, YankPolicy, YankReason},
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{
    publication::{kept_since, named_by_digest},
    rows::{Changed, FileRow},
};
use crate::{
    projector::ProjectionError,
    read_models::{parsed, signed, unsigned},
};

pub(super) async fn create(
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

pub(super) async fn insert_file(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    file: &FileRow,
    package: &Package,
    release: Option<ReleaseId>,
    fragments: [String; 3],
) -> Result<(), sqlx::Error> {
    let [first, second, third] = fragments;
    sqlx::query(
        "insert into package_file (repository, revision, path, name, version, architecture, sha256, size_bytes, added_at,
         release, fragment_0, fragment_1, fragment_2) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.to_string())
    .bind(signed(file.revision.0))
    .bind(&file.path)
    .bind(package.name())
    .bind(package.version())
    .bind(package.architecture())
    .bind(file.sha256.to_string())
    .bind(signed(file.size_bytes))
    .bind(file.added_at)
    .bind(release.map(|release| release.to_string()))
    .bind(first)
    .bind(second)
    .bind(third)
    .execute(rows)
    .await?;
    Ok(())
}

/// Another file takes the place of the one with digest `replaces`. Its path, or none if it is not there.
pub(super) async fn end_file(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    replaces: Sha256,
    ended: Revision,
) -> Result<Option<String>, sqlx::Error> {
    let path = sqlx::query(
        "update package_file set ended_revision = ? where repository = ? and sha256 = ? and ended_revision is null
         returning path",
    )
    .bind(signed(ended.0))
    .bind(id.to_string())
    .bind(replaces.to_string())
    .fetch_optional(rows);
    path.await?.map(|row| row.try_get("path")).transpose()
}

pub(super) async fn yank(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    sha256: Sha256,
    reason: &YankReason,
    policy: YankPolicy,
) -> Result<(), sqlx::Error> {
    sqlx::query("insert into yank (repository, sha256, reason, policy) values (?, ?, ?, ?)")
        .bind(id.to_string())
        .bind(sha256.to_string())
        .bind(reason.as_str())
        .bind(policy.as_str())
        .execute(rows)
        .await?;
    Ok(())
}

/// How the package was yanked, which it no longer is.
pub(super) async fn unyank(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    sha256: Sha256,
) -> Result<Option<YankPolicy>, sqlx::Error> {
    let gone = sqlx::query("delete from yank where repository = ? and sha256 = ? returning policy")
        .bind(id.to_string())
        .bind(sha256.to_string())
        .fetch_optional(rows);
    gone.await?.map(|row| parsed(&row, "policy")).transpose()
}

/// A package that is signed anew stays marked in its new file, and in the past in its old one.
pub(super) async fn carry_yank(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    from: Sha256,
    to: Sha256,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into yank (repository, sha256, reason, policy)
         select repository, ?3, reason, policy from yank where repository = ?1 and sha256 = ?2",
    )
    .bind(id.to_string())
    .bind(from.to_string())
    .bind(to.to_string())
    .execute(rows)
    .await?;
    Ok(())
}

/// A hidden file is there again from `revision` on, at the path and with the texts that it had.
pub(super) async fn live_again(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    sha256: Sha256,
    revision: Revision,
) -> Result<Option<FileRow>, sqlx::Error> {
    let again = sqlx::query(
        "insert into package_file (repository, revision, path, name, version, architecture, sha256, size_bytes, added_at,
           fragment_0, fragment_1, fragment_2)
         select repository, ?3, path, name, version, architecture, sha256, size_bytes, added_at,
           fragment_0, fragment_1, fragment_2
         from package_file where repository = ?1 and sha256 = ?2 order by revision desc limit 1
         returning path, size_bytes, added_at",
    )
    .bind(id.to_string())
    .bind(sha256.to_string())
    .bind(signed(revision.0))
    .fetch_optional(rows);
    let file = |row: SqliteRow| {
        let (path, added_at) = (row.try_get("path")?, row.try_get("added_at")?);
        let size_bytes = unsigned(row.try_get("size_bytes")?);
        Ok(FileRow { path, revision, sha256, size_bytes, added_at, ended: None })
    };
    again.await?.map(file).transpose()
}

pub(super) async fn move_on(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    changed: Changed,
) -> Result<(), sqlx::Error> {
    sqlx::query("update repository set changed_revision = ?, changed_at = ? where id = ?")
        .bind(signed(changed.revision.0))
        .bind(changed.at)
        .bind(id.to_string())
        .execute(rows)
        .await?;
    Ok(())
}

/// `pool/<file name>` or `packages/<file name>`. Two versions that differ only in their epoch have the same file name:
/// the later one gets a folder of its own, named by its digest; so does a file that takes another's place.
pub(super) async fn free_path(
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

pub(super) async fn take_snapshot(
    rows: &mut SqliteConnection,
    recorded: &Recorded<Event>,
    name: &SnapshotName,
    published_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query("insert into snapshot (repository, name, published_at, taken_at) values (?, ?, ?, ?)")
        .bind(RepositoryId(recorded.stream.id()).to_string())
        .bind(name.as_str())
        .bind(published_at.timestamp())
        .bind(recorded.metadata.recorded_at.timestamp_micros())
        .execute(rows)
        .await?;
    Ok(())
}

pub(super) async fn remove_snapshot(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    name: &SnapshotName,
) -> Result<(), sqlx::Error> {
    let gone = sqlx::query("delete from snapshot where repository = ? and name = ?");
    gone.bind(id.to_string()).bind(name.as_str()).execute(rows).await?;
    Ok(())
}

/// The rows of one publication. `newest_published` is the one that flips.
pub(super) async fn publish(
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

/// Files that the publication still has are current again; the others are superseded from now on, and what was
/// superseded so long ago that it no longer answers is deleted.
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
    sqlx::query("delete from named_by_digest where repository = ? and superseded_at < ?")
        .bind(id.to_string())
        .bind(kept_since(published_at))
        .execute(&mut *rows)
        .await?;
    Ok(())
}
