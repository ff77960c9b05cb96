//! A repository's access keys, for people.

use chrono::{DateTime, Utc};
use domain::{
    ids::{AccessKeyId, RepositoryId},
    keyring::KeyKind,
};
use sqlx::{QueryBuilder, Row as _, sqlite::SqliteRow};

use crate::{
    credentials::Credentials,
    read_models::{maybe_time, parsed, time},
};

/// Most keys in one answer.
pub const ACCESS_KEYS_PAGE_MAX: u32 = 1_000;

/// A key that works, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Its public id.
    pub id: AccessKeyId,
    /// What people call it, or what its machine calls itself.
    pub name: String,
    /// What it is for.
    pub kind: KeyKind,
    /// Which generation it belongs to.
    pub generation: u32,
    /// It ends with the grace window.
    pub is_older: bool,
    /// When.
    pub issued_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// How many machines may enrol with it.
    pub enrols_max: Option<u32>,
    /// How many have.
    pub enrolled: u32,
}

/// A key that works or did once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// Its public id.
    pub id: AccessKeyId,
    /// What it opens or opened.
    pub repository: RepositoryId,
    /// What people call it, or what its machine calls itself.
    pub name: String,
    /// What it is for.
    pub kind: KeyKind,
}

impl Credentials {
    /// The keys that open `repository` at the time `now`, newest first, after the one with the id `after`; at most
    /// [`ACCESS_KEYS_PAGE_MAX`]. None if there is no such key.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn access_keys(
        &self,
        repository: RepositoryId,
        now: DateTime<Utc>,
        after: Option<AccessKeyId>,
        first: u32,
    ) -> Result<Vec<AccessKey>, sqlx::Error> {
        let found = sqlx::query(
            "select id, name, kind, access_key.generation, access_key.generation < keyring.generation as is_older, \
             issued_at, expires_at, enrols_max, enrolled \
             from access_key join keyring using (repository) \
             where repository = ?1 and ended_by is null and (expires_at is null or expires_at > ?2) \
             and (access_key.generation = keyring.generation \
                 or access_key.generation = keyring.generation - 1 and grace_until > ?2) \
             and (?3 is null or (issued_at, id) < (select issued_at, id from access_key where id = ?3)) \
             order by issued_at desc, id desc limit ?4",
        )
        .bind(repository.to_string())
        .bind(now.timestamp_micros())
        .bind(after.map(|key| key.to_string()))
        .bind(first.min(ACCESS_KEYS_PAGE_MAX))
        .fetch_all(&self.readers);
        found.await?.iter().map(access_key).collect()
    }

    /// The holders of these keys, present and past, in no order. Ids that were never issued are left out.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn known_keys(&self, keys: &[AccessKeyId]) -> Result<Vec<KnownKey>, sqlx::Error> {
        let mut known = Vec::with_capacity(keys.len());
        for some in keys.chunks(ACCESS_KEYS_PAGE_MAX as usize) {
            let mut query = QueryBuilder::new("select id, repository, name, kind from access_key where id in (");
            let mut ids = query.separated(", ");
            for key in some {
                ids.push_bind(key.to_string());
            }
            query.push(")");
            for row in query.build().fetch_all(&self.readers).await? {
                known.push(KnownKey {
                    id: parsed(&row, "id")?,
                    repository: parsed(&row, "repository")?,
                    name: row.try_get("name")?,
                    kind: parsed(&row, "kind")?,
                });
            }
        }
        Ok(known)
    }
}

fn access_key(row: &SqliteRow) -> Result<AccessKey, sqlx::Error> {
    Ok(AccessKey {
        id: parsed(row, "id")?,
        name: row.try_get("name")?,
        kind: parsed(row, "kind")?,
        generation: row.try_get("generation")?,
        is_older: row.try_get("is_older")?,
        issued_at: time(row, "issued_at")?,
        expires_at: maybe_time(row, "expires_at")?,
        enrols_max: row.try_get("enrols_max")?,
        enrolled: row.try_get("enrolled")?,
    })
}
