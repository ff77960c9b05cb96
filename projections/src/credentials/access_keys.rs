//! The list of a repository's access keys, for people.

use chrono::{DateTime, Utc};
use domain::ids::{AccessKeyId, RepositoryId};
use sqlx::Row as _;

use super::Credentials;
use crate::read_models::parsed;

/// Most keys in one answer.
pub const ACCESS_KEYS_PAGE_MAX: u32 = 1_000;

/// A key that works, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Its public id.
    pub id: AccessKeyId,
    /// What people call it.
    pub name: String,
    /// When.
    pub issued_at: DateTime<Utc>,
}

impl Credentials {
    /// The keys that open `repository`, newest first; at most [`ACCESS_KEYS_PAGE_MAX`].
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn access_keys(&self, repository: RepositoryId) -> Result<Vec<AccessKey>, sqlx::Error> {
        let found = sqlx::query(
            "select id, name, issued_at from access_key where repository = ? order by issued_at desc, id limit ?",
        )
        .bind(repository.to_string())
        .bind(ACCESS_KEYS_PAGE_MAX)
        .fetch_all(&self.readers);
        let key = |row: &sqlx::sqlite::SqliteRow| {
            Ok(AccessKey {
                id: parsed(row, "id")?,
                name: row.try_get("name")?,
                issued_at: DateTime::from_timestamp_micros(row.try_get("issued_at")?).unwrap_or_default(),
            })
        };
        found.await?.iter().map(key).collect()
    }
}
