//! Finds the file at a URL path below a repository.
//!
//! Paths are looked up whole, in maps made from events: a path that no event names does not exist, whatever it holds.

use chrono::{DateTime, Utc};
use domain::{
    digest::Sha256,
    ids::RepositoryId,
    repository::{PointInTime, Stored},
};
use projections::read_models;
use sqlx::Row as _;

use super::{
    Repositories,
    publication::{File, Publication, kept_since},
    rows,
    served_index::{PackageFile, ServedIndex},
};

/// A file of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// Of the whole file: its ETag.
    pub sha256: Sha256,
    /// Of the whole file.
    pub size_bytes: u64,
    /// Where its bytes are.
    pub stored: Stored,
    /// `Last-Modified`: whole seconds; strictly increasing for the files that apt asks for again.
    pub last_modified: DateTime<Utc>,
    /// This URL will always answer these bytes.
    pub immutable: bool,
    /// `Content-Type`.
    pub content_type: &'static str,
}

impl Repositories {
    /// The file at `path` below the root of `repository`, as of `point`.
    ///
    /// The newest publication answers from memory; older ones, and index files that were replaced, from SQLite.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn locate(
        &self,
        repository: RepositoryId,
        point: &PointInTime,
        path: &str,
    ) -> Result<Option<Located>, sqlx::Error> {
        let Some((served_index, newest)) = self.served_indexes.get(repository).and_then(|served_index| {
            let newest = served_index.newest()?;
            Some((served_index, newest))
        }) else {
            return Ok(None);
        };
        match point {
            PointInTime::Newest => match located(&served_index, &newest, path, false) {
                Some(located) => Ok(Some(located)),
                None => self.replaced(repository, &newest, path).await,
            },
            PointInTime::At(at) if *at >= newest.published_at => {
                Ok(located(&served_index, &newest, path, *at == newest.published_at))
            }
            point => {
                let Some(meant) = self.history.publication(repository, point).await? else { return Ok(None) };
                if meant.published_at == newest.published_at {
                    return Ok(located(&served_index, &newest, path, meant.is_settled));
                }
                let index = rows::publication_at(&self.readers, repository, meant.published_at.timestamp()).await?;
                Ok(index.and_then(|index| located(&served_index, &Publication::of(&index), path, meant.is_settled)))
            }
        }
    }

    /// An index file of an earlier publication, at the path that its digest names.
    async fn replaced(
        &self,
        repository: RepositoryId,
        newest: &Publication,
        path: &str,
    ) -> Result<Option<Located>, sqlx::Error> {
        let found = sqlx::query(
            "select sha256, size_bytes, stored, published_at from by_hash
             where repository = ? and path = ? and (superseded_at is null or superseded_at >= ?)",
        )
        .bind(repository.to_string())
        .bind(path)
        .bind(kept_since(newest.published_at.timestamp()))
        .fetch_optional(&self.readers);
        let Some(row) = found.await? else { return Ok(None) };
        let stored = serde_json::from_str(row.try_get("stored")?).map_err(|e| sqlx::Error::Decode(e.into()))?;
        Ok(Some(Located {
            sha256: read_models::parsed(&row, "sha256")?,
            size_bytes: read_models::unsigned(row.try_get("size_bytes")?),
            stored,
            last_modified: rows::time(row.try_get("published_at")?),
            immutable: true,
            content_type: content_type(path),
        }))
    }
}

/// `pinned`: the URL names this very publication.
fn located(served_index: &ServedIndex, publication: &Publication, path: &str, pinned: bool) -> Option<Located> {
    if let Some(File { sha256, size_bytes, stored, by_hash }) = publication.file(path) {
        return Some(Located {
            sha256,
            size_bytes,
            stored,
            last_modified: publication.published_at,
            immutable: pinned || by_hash,
            content_type: content_type(path),
        });
    }
    let file = served_index.package(path, publication.covers)?;
    let PackageFile { sha256, size_bytes, added_at, .. } = file;
    Some(Located {
        sha256,
        size_bytes,
        stored: Stored::Blob,
        last_modified: rows::time(added_at),
        immutable: true,
        content_type: content_type(path),
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit(['.', '/']).next().unwrap_or_default() {
        "deb" => "application/vnd.debian.binary-package",
        "rpm" => "application/x-rpm",
        "gz" => "application/gzip",
        "zst" => "application/zstd",
        "xml" => "application/xml",
        "asc" | "gpg" => "application/pgp-signature",
        "InRelease" | "Release" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
