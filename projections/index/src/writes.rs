//! The writes of the repositories projector to its tables.

use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    event::Event,
    ids::RepositoryId,
    names::{OrganisationName, SnapshotName},
    package::Format,
    recorded::{Recorded, Revision},
    repository::{YankPolicy, YankReason},
};
use projections::read_models::{parsed, signed, unsigned};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use super::changes::{Changed, FileRow};

pub(super) async fn create(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    organisation: &OrganisationName,
    format: Format,
    [origin, label, codename]: [&str; 3],
    changed: Changed,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into repository (id, organisation, format, origin, label, codename, changed_revision, changed_at)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.to_string())
    .bind(organisation.as_str())
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
    let deleted = sqlx::query("delete from yank where repository = ? and sha256 = ? returning policy")
        .bind(id.to_string())
        .bind(sha256.to_string())
        .fetch_optional(rows);
    deleted.await?.map(|row| parsed(&row, "policy")).transpose()
}

/// A package that is signed again stays marked in its new file, and in the past in its old one.
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

/// The repository's newest change and its newest publication, as far as there is something new.
pub(super) async fn move_on(
    rows: &mut SqliteConnection,
    id: RepositoryId,
    changed: Option<Changed>,
    newest_published: Option<i64>,
) -> Result<(), sqlx::Error> {
    let (revision, at) = changed.map(|changed| (signed(changed.revision.0), changed.at)).unzip();
    sqlx::query(
        "update repository set changed_revision = coalesce(?, changed_revision), changed_at = coalesce(?, changed_at),
         newest_published = coalesce(?, newest_published) where id = ?",
    )
    .bind(revision)
    .bind(at)
    .bind(newest_published)
    .bind(id.to_string())
    .execute(rows)
    .await?;
    Ok(())
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
    let deleted = sqlx::query("delete from snapshot where repository = ? and name = ?");
    deleted.bind(id.to_string()).bind(name.as_str()).execute(rows).await?;
    Ok(())
}
