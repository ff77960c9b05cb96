//! What each fact of a keyring changes in the rows, and then in memory.

use domain::{
    digest::Sha256,
    event::Event,
    ids::{AccessKeyId, RepositoryId},
    keyring::{self, KeyKind, Successor},
    recorded::Recorded,
};
use sqlx::{Row as _, SqliteConnection};

use super::change::{Change, Ends};
use crate::read_models::parsed;

/// A key to be written.
struct NewKey<'a> {
    key: AccessKeyId,
    name: &'a str,
    kind: KeyKind,
    sha256: Sha256,
    expires_at: Option<i64>,
    enrols_max: Option<u32>,
    follows: Option<AccessKeyId>,
    never_used: bool,
}

/// The rows of one keyring, while one event is applied.
struct Fold<'a> {
    rows: &'a mut SqliteConnection,
    repository: RepositoryId,
    /// Microseconds since 1970.
    at: i64,
    changes: Vec<Change>,
}

pub(in crate::credentials) async fn fold(
    rows: &mut SqliteConnection,
    recorded: &Recorded<Event>,
    event: &keyring::Event,
) -> Result<Vec<Change>, sqlx::Error> {
    let repository = RepositoryId(recorded.stream.id());
    let at = recorded.metadata.recorded_at.timestamp_micros();
    let mut fold = Fold { rows, repository, at, changes: Vec::new() };
    match event {
        keyring::Event::AccessKeyIssued { key, name, secret_sha256, kind, expires_at, enrols_max } => {
            let key = NewKey {
                key: *key,
                name: name.as_str(),
                kind: (*kind).into(),
                sha256: *secret_sha256,
                expires_at: expires_at.map(|end| end.timestamp_micros()),
                enrols_max: *enrols_max,
                follows: None,
                never_used: false,
            };
            fold.insert(key).await?;
        }
        keyring::Event::AccessKeyRevoked { key } => fold.revoke(*key).await?,
        keyring::Event::Rolled { generation, keys } => fold.begin(*generation, None, keys).await?,
        keyring::Event::GraceOpened { generation, until, successors } => {
            fold.begin(*generation, Some(until.timestamp_micros()), successors).await?;
            fold.count_machines().await?;
        }
        keyring::Event::KeyRenewed { old, new, secret_sha256 } => fold.renew(*old, *new, *secret_sha256).await?,
        keyring::Event::MachineMoved { key } => fold.machine_moved(*key).await?,
        keyring::Event::GraceClosed { generation, because } => fold.close(*generation, because.as_str()).await?,
        keyring::Event::SealedKeysDeleted { generation } => {
            sqlx::query("delete from sealed_keys where repository = ? and generation = ?")
                .bind(repository.to_string())
                .bind(generation)
                .execute(&mut *fold.rows)
                .await?;
            fold.changes.push(Change::SealedKeysDeleted(repository, *generation));
        }
        // What is in a repository is no matter of who may enter.
        keyring::Event::InstallerPublished { .. } => {}
        keyring::Event::MachineEnrolled { enrolment, key, machine, secret_sha256, replaces } => {
            fold.enrolled(*enrolment, replaces).await?;
            let follows = fold.first_of_line(replaces).await?;
            let key = NewKey {
                key: *key,
                name: machine.as_str(),
                kind: KeyKind::Machine,
                sha256: *secret_sha256,
                expires_at: None,
                enrols_max: None,
                follows,
                never_used: false,
            };
            fold.insert(key).await?;
        }
    }
    Ok(fold.changes)
}

impl Fold<'_> {
    /// A key of the newest generation.
    async fn insert(&mut self, new: NewKey<'_>) -> Result<(), sqlx::Error> {
        let NewKey { key, name, kind, sha256, expires_at, enrols_max, follows, never_used } = new;
        sqlx::query("insert into keyring (repository, generation) values (?, 1) on conflict do nothing")
            .bind(self.repository.to_string())
            .execute(&mut *self.rows)
            .await?;
        sqlx::query(
            "insert into access_key (id, repository, generation, kind, name, secret_sha256, issued_at, expires_at, \
             enrols_max, follows) \
             select ?1, ?2, generation, ?3, ?4, ?5, ?6, ?7, ?8, ?9 from keyring where repository = ?2",
        )
        .bind(key.to_string())
        .bind(self.repository.to_string())
        .bind(kind.as_str())
        .bind(name)
        .bind(sha256.to_string())
        .bind(self.at)
        .bind(expires_at)
        .bind(enrols_max)
        .bind(follows.map(|key| key.to_string()))
        .execute(&mut *self.rows)
        .await?;
        let ends = Ends { expires_at, never_used };
        self.changes.push(Change::Works { repository: self.repository, key, sha256, kind, ends });
        Ok(())
    }

    /// A roll: one row changes, whatever it ends.
    async fn begin(&mut self, generation: u32, until: Option<i64>, keys: &[Successor]) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into keyring (repository, generation, rolled_at, grace_until) values (?, ?, ?, ?) \
             on conflict do update set generation = excluded.generation, rolled_at = excluded.rolled_at, \
             grace_until = excluded.grace_until, machines = 0, moved = 0, closed_at = null, closed_by = null",
        )
        .bind(self.repository.to_string())
        .bind(generation)
        .bind(self.at)
        .bind(until)
        .execute(&mut *self.rows)
        .await?;
        self.changes.push(Change::Generation { repository: self.repository, generation, until });
        for Successor { old, new, name, kind, secret_sha256, expires_at, enrols_max } in keys {
            let key = NewKey {
                key: *new,
                name: name.as_str(),
                kind: (*kind).into(),
                sha256: *secret_sha256,
                expires_at: expires_at.map(|end| end.timestamp_micros()),
                enrols_max: *enrols_max,
                follows: Some(*old),
                never_used: false,
            };
            self.insert(key).await?;
        }
        Ok(())
    }

    /// The machines that a window waits for.
    async fn count_machines(&mut self) -> Result<(), sqlx::Error> {
        sqlx::query(
            "update keyring set machines = (select count(*) from access_key \
             where repository = ?1 and kind = 'machine' and generation = keyring.generation - 1 and ended_by is null) \
             where repository = ?1",
        )
        .bind(self.repository.to_string())
        .execute(&mut *self.rows)
        .await?;
        self.add_progress(0, 0).await
    }

    /// Adds to the window's counts, and shows what they are then.
    async fn add_progress(&mut self, machines: i64, moved: i64) -> Result<(), sqlx::Error> {
        let row = sqlx::query(
            "update keyring set machines = machines + ?, moved = moved + ? where repository = ? \
             returning machines, moved",
        )
        .bind(machines)
        .bind(moved)
        .bind(self.repository.to_string())
        .fetch_optional(&mut *self.rows)
        .await?;
        if let Some(row) = row {
            let (machines, moved) = (row.try_get("machines")?, row.try_get("moved")?);
            self.changes.push(Change::Progress { repository: self.repository, machines, moved });
        }
        Ok(())
    }

    async fn renew(&mut self, old: AccessKeyId, new: AccessKeyId, sha256: Sha256) -> Result<(), sqlx::Error> {
        let row = sqlx::query("select name from access_key where id = ?").bind(old.to_string());
        let row = row.fetch_one(&mut *self.rows).await?;
        let key = NewKey {
            key: new,
            name: row.try_get("name")?,
            kind: KeyKind::Machine,
            sha256,
            expires_at: None,
            enrols_max: None,
            follows: Some(old),
            never_used: true,
        };
        self.insert(key).await
    }

    async fn machine_moved(&mut self, key: AccessKeyId) -> Result<(), sqlx::Error> {
        sqlx::query("update access_key set moved_at = ? where id = (select follows from access_key where id = ?)")
            .bind(self.at)
            .bind(key.to_string())
            .execute(&mut *self.rows)
            .await?;
        self.changes.push(Change::Used(key));
        self.add_progress(0, 1).await
    }

    /// Whoever enrols again has a new key at once; whoever enrols for the first time is counted.
    async fn enrolled(&mut self, enrolment: AccessKeyId, replaces: &[AccessKeyId]) -> Result<(), sqlx::Error> {
        if replaces.is_empty() {
            sqlx::query(
                "update access_key set enrolled = enrolled + 1 \
                 where id = coalesce((select id from access_key where follows = ?1), ?1)",
            )
            .bind(enrolment.to_string())
            .execute(&mut *self.rows)
            .await?;
        }
        let mut moved = 0;
        for replaced in replaces {
            let waited = sqlx::query(
                "update access_key set moved_at = ? where id = ? and moved_at is null \
                 and generation < (select generation from keyring where repository = access_key.repository)",
            );
            let waited = waited.bind(self.at).bind(replaced.to_string()).execute(&mut *self.rows).await?;
            moved += i64::from(waited.rows_affected() > 0);
            self.end(*replaced, "replaced").await?;
        }
        if moved > 0 { self.add_progress(0, moved).await } else { Ok(()) }
    }

    /// The key by which a machine that enrols again counts in a window: the one of the older generation, if it had one.
    async fn first_of_line(&mut self, replaces: &[AccessKeyId]) -> Result<Option<AccessKeyId>, sqlx::Error> {
        let Some(first) = replaces.first() else { return Ok(None) };
        let row = sqlx::query(
            "select follows from access_key where id = ? and follows is not null \
             and generation = (select generation from keyring where repository = access_key.repository)",
        );
        match row.bind(first.to_string()).fetch_optional(&mut *self.rows).await? {
            Some(row) => parsed(&row, "follows").map(Some),
            None => Ok(Some(*first)),
        }
    }

    async fn end(&mut self, key: AccessKeyId, by: &str) -> Result<(), sqlx::Error> {
        sqlx::query("update access_key set ended_by = ? where id = ?")
            .bind(by)
            .bind(key.to_string())
            .execute(&mut *self.rows)
            .await?;
        self.changes.push(Change::Ended(key));
        Ok(())
    }

    /// A machine that is cut off is not waited for. It counts by its key of the older generation, which is this one, or
    /// the one that this one replaced.
    async fn revoke(&mut self, key: AccessKeyId) -> Result<(), sqlx::Error> {
        self.end(key, "revoked").await?;
        let counted = sqlx::query(
            "update access_key set ended_by = 'revoked' where kind = 'machine' \
             and (id = ?1 or ended_by = 'replaced' and id = (select older.id from access_key newer \
                 join access_key older on older.id = newer.follows \
                 where newer.id = ?1 and newer.generation > older.generation)) \
             and repository = ?2 and generation = (select generation - 1 from keyring \
                 where repository = ?2 and grace_until is not null) \
             returning moved_at is not null as moved",
        );
        let counted = counted.bind(key.to_string()).bind(self.repository.to_string());
        match counted.fetch_optional(&mut *self.rows).await? {
            Some(row) => self.add_progress(-1, -row.try_get::<i64, _>("moved")?).await,
            None => Ok(()),
        }
    }

    async fn close(&mut self, generation: u32, by: &str) -> Result<(), sqlx::Error> {
        sqlx::query("update keyring set grace_until = null, closed_at = ?, closed_by = ? where repository = ?")
            .bind(self.at)
            .bind(by)
            .bind(self.repository.to_string())
            .execute(&mut *self.rows)
            .await?;
        sqlx::query("insert into sealed_keys (repository, generation) values (?, ?) on conflict do nothing")
            .bind(self.repository.to_string())
            .bind(generation)
            .execute(&mut *self.rows)
            .await?;
        self.changes.push(Change::Closed(self.repository, generation));
        Ok(())
    }
}
