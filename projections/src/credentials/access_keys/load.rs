//! Fills the memory from the rows when the process starts.

use domain::{
    ids::{AccessKeyId, RepositoryId},
    keyring::KeyKind,
};
use futures::TryStreamExt as _;
use ports::grace_windows::ClosedWindow;
use sqlx::{Row as _, SqliteConnection};

use super::{AccessKeys, Held, NEVER};
use crate::read_models::parsed;

pub(in crate::credentials) async fn load(
    rows: &mut SqliteConnection,
    keys: &mut AccessKeys,
) -> Result<(), sqlx::Error> {
    let rings = sqlx::query("select repository, generation, grace_until, machines, moved from keyring");
    for row in rings.fetch_all(&mut *rows).await? {
        let ring = keys.ring(parsed(&row, "repository")?).1;
        ring.generation = row.try_get("generation")?;
        ring.until = row.try_get("grace_until")?;
        (ring.machines, ring.moved) = (row.try_get("machines")?, row.try_get("moved")?);
    }
    // A renewed key whose machine has not moved was never used.
    let mut found = sqlx::query(
        "select key.id, key.repository, key.secret_sha256, key.generation, key.kind, key.expires_at, \
         older.id is not null as never_used \
         from access_key key join keyring using (repository) \
         left join access_key older on older.id = key.follows and key.kind = 'machine' and older.moved_at is null \
             and older.ended_by is null and key.generation = keyring.generation and keyring.grace_until is not null \
         where key.ended_by is null and (key.generation = keyring.generation \
             or keyring.grace_until is not null and key.generation = keyring.generation - 1)",
    )
    .fetch(&mut *rows);
    while let Some(row) = found.try_next().await? {
        let key: AccessKeyId = parsed(&row, "id")?;
        let (index, ring) = keys.ring(parsed(&row, "repository")?);
        let generation: u32 = row.try_get("generation")?;
        if generation == ring.generation { &mut ring.current } else { &mut ring.older }.push(key);
        let kind: KeyKind = parsed(&row, "kind")?;
        let expires_at = row.try_get::<Option<i64>, _>("expires_at")?.unwrap_or(NEVER);
        let held = Held { ring: index, generation, expires_at, kind, never_used: row.try_get("never_used")? };
        keys.keys.insert(key, parsed(&row, "secret_sha256")?, held);
    }
    drop(found);
    for row in sqlx::query("select repository, generation from sealed_keys").fetch_all(rows).await? {
        let repository: RepositoryId = parsed(&row, "repository")?;
        keys.sealed.push(ClosedWindow { repository, generation: row.try_get("generation")? });
    }
    Ok(())
}
