//! Queries: when a key was seen, which keys downloaded a package, and what a key downloaded.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{digest::Sha256, ids::AccessKeyId};
use sqlx::{QueryBuilder, Row as _, sqlite::SqliteRow};
use uuid::Uuid;

use super::KeyUsage;

/// Most fetches in one answer.
pub const FETCHED_PAGE_MAX: u32 = 1_000;

/// When a key was used, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// For the first time.
    pub first_at: DateTime<Utc>,
    /// For the last time.
    pub last_at: DateTime<Utc>,
    /// How often.
    pub times: u64,
}

/// A package that was fetched with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetch {
    /// The package file.
    pub sha256: Sha256,
    /// With what it was fetched.
    pub key: AccessKeyId,
    /// When.
    pub seen: Seen,
}

impl KeyUsage {
    /// When these keys were used. Those that were not, or not for long, are left out.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn seen(&self, keys: &[AccessKeyId]) -> Result<HashMap<AccessKeyId, Seen>, sqlx::Error> {
        let mut all = HashMap::with_capacity(keys.len());
        for some in keys.chunks(FETCHED_PAGE_MAX as usize) {
            let mut query = QueryBuilder::new("select key, first_at, last_at, times from seen where key in (");
            let mut ids = query.separated(", ");
            for key in some {
                ids.push_bind(key.0.as_bytes().to_vec());
            }
            query.push(")");
            for row in query.build().fetch_all(&self.readers).await? {
                all.insert(key(&row)?, seen(&row)?);
            }
        }
        Ok(all)
    }

    /// Who fetched a package, by their keys, after the key `after`; at most [`FETCHED_PAGE_MAX`].
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn fetched_by(
        &self,
        sha256: &Sha256,
        after: Option<AccessKeyId>,
        first: u32,
    ) -> Result<Vec<Fetch>, sqlx::Error> {
        let rows = sqlx::query(
            "select sha256, key, first_at, last_at, times from fetched where sha256 = ? and key > ? \
             order by key limit ?",
        )
        .bind(sha256.0.as_slice())
        .bind(after.map(|key| key.0.as_bytes().to_vec()).unwrap_or_default())
        .bind(first.min(FETCHED_PAGE_MAX))
        .fetch_all(&self.readers);
        rows.await?.iter().map(fetch).collect()
    }

    /// What was fetched with a key, newest first; at most [`FETCHED_PAGE_MAX`].
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn fetched_with(&self, key: AccessKeyId, first: u32, offset: u32) -> Result<Vec<Fetch>, sqlx::Error> {
        let rows = sqlx::query(
            "select sha256, key, first_at, last_at, times from fetched where key = ? \
             order by last_at desc, sha256 limit ? offset ?",
        )
        .bind(key.0.as_bytes().as_slice())
        .bind(first.min(FETCHED_PAGE_MAX))
        .bind(offset)
        .fetch_all(&self.readers);
        rows.await?.iter().map(fetch).collect()
    }
}

fn fetch(row: &SqliteRow) -> Result<Fetch, sqlx::Error> {
    let digest = <[u8; 32]>::try_from(row.try_get::<&[u8], _>("sha256")?).map_err(|error| decode(error.into()))?;
    Ok(Fetch { sha256: Sha256(digest), key: key(row)?, seen: seen(row)? })
}

fn key(row: &SqliteRow) -> Result<AccessKeyId, sqlx::Error> {
    Uuid::from_slice(row.try_get("key")?).map(AccessKeyId).map_err(|error| decode(error.into()))
}

fn seen(row: &SqliteRow) -> Result<Seen, sqlx::Error> {
    let time = |column| {
        let micros = row.try_get(column)?;
        DateTime::from_timestamp_micros(micros).ok_or_else(|| decode("a time beyond all calendars".into()))
    };
    let times = u64::try_from(row.try_get::<i64, _>("times")?).unwrap_or_default();
    Ok(Seen { first_at: time("first_at")?, last_at: time("last_at")?, times })
}

fn decode(error: Box<dyn std::error::Error + Send + Sync>) -> sqlx::Error {
    sqlx::Error::Decode(error)
}
