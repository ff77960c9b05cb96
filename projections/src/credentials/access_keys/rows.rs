//! The keyrings' rows while events change them: read when they are first needed, written together.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use domain::{
    digest::Sha256,
    ids::{AccessKeyId, RepositoryId},
    keyring::KeyKind,
};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::{
    bulk::{Insert, Statement},
    projector::ProjectionError,
    read_models::parsed,
    row_cache::RowCache,
};

/// Most keys remembered from one transaction to the next: about 20 MB. Others are read.
const KEYS_REMEMBERED_MAX: usize = 50_000;
/// Most keyrings remembered from one transaction to the next.
const RINGS_REMEMBERED_MAX: usize = 10_000;

const KEY_COLUMNS: [&str; 13] = [
    "id",
    "repository",
    "generation",
    "kind",
    "name",
    "secret_sha256",
    "issued_at",
    "expires_at",
    "enrols_max",
    "enrolled",
    "follows",
    "moved_at",
    "ended_by",
];
const RING_COLUMNS: [&str; 8] =
    ["repository", "generation", "rolled_at", "grace_until", "machines", "moved", "closed_at", "closed_by"];

static ADD_KEYS: LazyLock<Insert> = LazyLock::new(|| Insert::new("access_key", &KEY_COLUMNS));
/// What never changes is left alone, and with it most indexes.
static CHANGE_KEYS: LazyLock<Insert> = LazyLock::new(|| {
    let on_conflict = "on conflict (id) do update set enrolled = excluded.enrolled, moved_at = excluded.moved_at, \
                       ended_by = excluded.ended_by";
    Insert::or("access_key", &KEY_COLUMNS, on_conflict)
});
static RINGS: LazyLock<Insert> = LazyLock::new(|| Insert::or_replace("keyring", &RING_COLUMNS));

/// A key. Times are microseconds since 1970.
#[derive(Debug)]
pub(super) struct KeyRow {
    pub(super) repository: RepositoryId,
    pub(super) generation: u32,
    pub(super) kind: KeyKind,
    pub(super) name: String,
    pub(super) secret_sha256: Sha256,
    pub(super) issued_at: i64,
    pub(super) expires_at: Option<i64>,
    pub(super) enrols_max: Option<u32>,
    pub(super) enrolled: u32,
    pub(super) follows: Option<AccessKeyId>,
    pub(super) moved_at: Option<i64>,
    pub(super) ended_by: Option<Cow<'static, str>>,
}

/// A keyring. Times are microseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct RingRow {
    pub(super) generation: u32,
    pub(super) rolled_at: Option<i64>,
    pub(super) grace_until: Option<i64>,
    pub(super) machines: u32,
    pub(super) moved: u32,
    pub(super) closed_at: Option<i64>,
    pub(super) closed_by: Option<Cow<'static, str>>,
}

/// What events change of the keyrings.
pub(in crate::credentials) struct Rows {
    keys: RowCache<AccessKeyId, KeyRow>,
    rings: RowCache<RepositoryId, RingRow>,
    /// The keys that follow others: those that were looked up, and all that are new.
    followers: HashMap<AccessKeyId, Option<AccessKeyId>>,
}

impl Default for Rows {
    fn default() -> Self {
        let (keys, rings) = (RowCache::new(KEYS_REMEMBERED_MAX), RowCache::new(RINGS_REMEMBERED_MAX));
        Self { keys, rings, followers: HashMap::new() }
    }
}

impl Rows {
    pub(super) async fn key(
        &mut self,
        rows: &mut SqliteConnection,
        id: AccessKeyId,
    ) -> Result<Option<&KeyRow>, sqlx::Error> {
        self.keys.get_or_read(id, read_key(rows, id)).await
    }

    pub(super) async fn change_key(
        &mut self,
        rows: &mut SqliteConnection,
        id: AccessKeyId,
    ) -> Result<Option<&mut KeyRow>, sqlx::Error> {
        self.key(rows, id).await?;
        Ok(self.keys.change(id))
    }

    pub(super) fn add_key(&mut self, id: AccessKeyId, row: KeyRow) -> Result<(), ProjectionError> {
        if let Some(older) = row.follows {
            self.followers.insert(older, Some(id));
        }
        self.keys.add(id, row)
    }

    /// The key whose holder had the key `older` before, if there is one.
    pub(super) async fn follower(
        &mut self,
        rows: &mut SqliteConnection,
        older: AccessKeyId,
    ) -> Result<Option<AccessKeyId>, sqlx::Error> {
        if let Some(known) = self.followers.get(&older) {
            return Ok(*known);
        }
        let found = sqlx::query("select id from access_key where follows = ? limit 1").bind(older.to_string());
        let found = found.fetch_optional(rows).await?.map(|row| parsed(&row, "id")).transpose()?;
        self.followers.insert(older, found);
        Ok(found)
    }

    pub(super) async fn ring(
        &mut self,
        rows: &mut SqliteConnection,
        repository: RepositoryId,
    ) -> Result<Option<&RingRow>, sqlx::Error> {
        self.rings.get_or_read(repository, read_ring(rows, repository)).await
    }

    pub(super) async fn change_ring(
        &mut self,
        rows: &mut SqliteConnection,
        repository: RepositoryId,
    ) -> Result<Option<&mut RingRow>, sqlx::Error> {
        self.ring(rows, repository).await?;
        Ok(self.rings.change(repository))
    }

    /// The newest generation of the keyring, which is begun if there is none.
    pub(super) async fn generation(
        &mut self,
        rows: &mut SqliteConnection,
        repository: RepositoryId,
    ) -> Result<u32, ProjectionError> {
        if let Some(ring) = self.ring(rows, repository).await? {
            return Ok(ring.generation);
        }
        let ring = RingRow { generation: 1, ..RingRow::default() };
        self.rings.add(repository, ring)?;
        Ok(1)
    }

    /// A new generation of the keyring takes the place of what its row says.
    pub(super) async fn renew_ring(
        &mut self,
        rows: &mut SqliteConnection,
        repository: RepositoryId,
        ring: RingRow,
    ) -> Result<(), ProjectionError> {
        match self.change_ring(rows, repository).await? {
            Some(row) => *row = ring,
            None => self.rings.add(repository, ring)?,
        }
        Ok(())
    }

    /// How many machines have a key of that generation that was not ended by itself.
    pub(super) async fn machines(
        &mut self,
        rows: &mut SqliteConnection,
        repository: RepositoryId,
        generation: u32,
    ) -> Result<u32, sqlx::Error> {
        // The count is made by SQLite, of what is there.
        self.write(&mut *rows).await?;
        sqlx::query_scalar(
            "select count(*) from access_key \
             where repository = ? and kind = 'machine' and generation = ? and ended_by is null",
        )
        .bind(repository.to_string())
        .bind(generation)
        .fetch_one(rows)
        .await
    }

    pub(in crate::credentials) async fn write(&mut self, rows: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        ADD_KEYS.write(&mut *rows, self.keys.added().into_iter(), bind_key).await?;
        CHANGE_KEYS.write(&mut *rows, self.keys.changed().into_iter(), bind_key).await?;
        let rings = [self.rings.added(), self.rings.changed()].concat();
        RINGS.write(&mut *rows, rings.into_iter(), bind_ring).await?;
        self.keys.written();
        self.rings.written();
        Ok(())
    }

    pub(in crate::credentials) fn committed(&mut self) {
        self.keys.committed();
        self.rings.committed();
        if self.followers.len() > KEYS_REMEMBERED_MAX {
            self.followers.clear();
        }
    }

    pub(in crate::credentials) fn abandoned(&mut self) {
        self.keys.forget();
        self.rings.forget();
        self.followers.clear();
    }
}

fn bind_key<'q>(statement: Statement<'q>, (id, row): (AccessKeyId, &KeyRow)) -> Statement<'q> {
    statement
        .bind(id.to_string())
        .bind(row.repository.to_string())
        .bind(row.generation)
        .bind(row.kind.as_str())
        .bind(row.name.as_str())
        .bind(row.secret_sha256.to_string())
        .bind(row.issued_at)
        .bind(row.expires_at)
        .bind(row.enrols_max)
        .bind(row.enrolled)
        .bind(row.follows.map(|key| key.to_string()))
        .bind(row.moved_at)
        .bind(row.ended_by.as_deref())
}

fn bind_ring<'q>(statement: Statement<'q>, (repository, row): (RepositoryId, &RingRow)) -> Statement<'q> {
    statement
        .bind(repository.to_string())
        .bind(row.generation)
        .bind(row.rolled_at)
        .bind(row.grace_until)
        .bind(row.machines)
        .bind(row.moved)
        .bind(row.closed_at)
        .bind(row.closed_by.as_deref())
}

async fn read_key(rows: &mut SqliteConnection, id: AccessKeyId) -> Result<Option<KeyRow>, sqlx::Error> {
    let found = sqlx::query("select * from access_key where id = ?").bind(id.to_string()).fetch_optional(rows);
    found.await?.as_ref().map(key).transpose()
}

async fn read_ring(rows: &mut SqliteConnection, repository: RepositoryId) -> Result<Option<RingRow>, sqlx::Error> {
    let found = sqlx::query("select * from keyring where repository = ?").bind(repository.to_string());
    found.fetch_optional(rows).await?.as_ref().map(ring).transpose()
}

fn key(row: &SqliteRow) -> Result<KeyRow, sqlx::Error> {
    Ok(KeyRow {
        repository: parsed(row, "repository")?,
        generation: row.try_get("generation")?,
        kind: parsed(row, "kind")?,
        name: row.try_get("name")?,
        secret_sha256: parsed(row, "secret_sha256")?,
        issued_at: row.try_get("issued_at")?,
        expires_at: row.try_get("expires_at")?,
        enrols_max: row.try_get("enrols_max")?,
        enrolled: row.try_get("enrolled")?,
        follows: match row.try_get::<Option<&str>, _>("follows")? {
            None => None,
            Some(_) => Some(parsed(row, "follows")?),
        },
        moved_at: row.try_get("moved_at")?,
        ended_by: row.try_get::<Option<String>, _>("ended_by")?.map(Cow::Owned),
    })
}

fn ring(row: &SqliteRow) -> Result<RingRow, sqlx::Error> {
    Ok(RingRow {
        generation: row.try_get("generation")?,
        rolled_at: row.try_get("rolled_at")?,
        grace_until: row.try_get("grace_until")?,
        machines: row.try_get("machines")?,
        moved: row.try_get("moved")?,
        closed_at: row.try_get("closed_at")?,
        closed_by: row.try_get::<Option<String>, _>("closed_by")?.map(Cow::Owned),
    })
}
