//! Applies each event of a keyring to the rows, and then to the memory.

use domain::{
    digest::Sha256,
    event::Event,
    ids::{AccessKeyId, RepositoryId},
    keyring::{self, KeyKind, Successor},
    recorded::Recorded,
};
use sqlx::SqliteConnection;

use super::{
    change::{Change, Ends},
    rows::{KeyRow, RingRow, Rows},
};
use crate::projector::ProjectionError;

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
    cached: &'a mut Rows,
    repository: RepositoryId,
    /// Microseconds since 1970.
    at: i64,
    changes: Vec<Change>,
}

pub(in crate::credentials) async fn fold(
    rows: &mut SqliteConnection,
    cached: &mut Rows,
    recorded: &Recorded<Event>,
    event: &keyring::Event,
) -> Result<Vec<Change>, ProjectionError> {
    let repository = RepositoryId(recorded.stream.id());
    let at = recorded.metadata.recorded_at.timestamp_micros();
    let mut fold = Fold { rows, cached, repository, at, changes: Vec::new() };
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
            fold.count_machines(*generation).await?;
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
        // Installers do not change who has access.
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
    async fn insert(&mut self, new: NewKey<'_>) -> Result<(), ProjectionError> {
        let NewKey { key, name, kind, sha256, expires_at, enrols_max, follows, never_used } = new;
        let row = KeyRow {
            repository: self.repository,
            generation: self.cached.generation(self.rows, self.repository).await?,
            kind,
            name: name.to_owned(),
            secret_sha256: sha256,
            issued_at: self.at,
            expires_at,
            enrols_max,
            enrolled: 0,
            follows,
            moved_at: None,
            ended_by: None,
        };
        self.cached.add_key(key, row)?;
        let ends = Ends { expires_at, never_used };
        self.changes.push(Change::Works { repository: self.repository, key, sha256, kind, ends });
        Ok(())
    }

    /// A roll: one row changes, whatever it ends.
    async fn begin(&mut self, generation: u32, until: Option<i64>, keys: &[Successor]) -> Result<(), ProjectionError> {
        let ring = RingRow { generation, rolled_at: Some(self.at), grace_until: until, ..RingRow::default() };
        self.cached.renew_ring(self.rows, self.repository, ring).await?;
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
    async fn count_machines(&mut self, generation: u32) -> Result<(), sqlx::Error> {
        let machines = self.cached.machines(self.rows, self.repository, generation.saturating_sub(1)).await?;
        if let Some(ring) = self.cached.change_ring(self.rows, self.repository).await? {
            ring.machines = machines;
        }
        self.add_progress(0, 0).await
    }

    /// Adds to the window's counts, and shows what they are then.
    async fn add_progress(&mut self, machines: i32, moved: i32) -> Result<(), sqlx::Error> {
        if let Some(ring) = self.cached.change_ring(self.rows, self.repository).await? {
            ring.machines = ring.machines.saturating_add_signed(machines);
            ring.moved = ring.moved.saturating_add_signed(moved);
            let (machines, moved) = (ring.machines, ring.moved);
            self.changes.push(Change::Progress { repository: self.repository, machines, moved });
        }
        Ok(())
    }

    async fn renew(&mut self, old: AccessKeyId, new: AccessKeyId, sha256: Sha256) -> Result<(), ProjectionError> {
        let unknown = || ProjectionError::Contradiction(format!("there is no access key {old} to renew"));
        let name = self.cached.key(self.rows, old).await?.ok_or_else(unknown)?.name.clone();
        let key = NewKey {
            key: new,
            name: &name,
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
        let older = self.cached.key(self.rows, key).await?.and_then(|row| row.follows);
        if let Some(older) = older
            && let Some(row) = self.cached.change_key(self.rows, older).await?
        {
            row.moved_at = Some(self.at);
        }
        self.changes.push(Change::Used(key));
        self.add_progress(0, 1).await
    }

    /// A machine that enrols again replaces its key at once; a machine that enrols for the first time is counted.
    async fn enrolled(&mut self, enrolment: AccessKeyId, replaces: &[AccessKeyId]) -> Result<(), sqlx::Error> {
        if replaces.is_empty() {
            let counts = self.cached.follower(self.rows, enrolment).await?.unwrap_or(enrolment);
            if let Some(row) = self.cached.change_key(self.rows, counts).await? {
                row.enrolled += 1;
            }
        }
        let mut moved = 0;
        for replaced in replaces {
            if self.has_waited(*replaced).await?
                && let Some(row) = self.cached.change_key(self.rows, *replaced).await?
            {
                row.moved_at = Some(self.at);
                moved += 1;
            }
            self.end(*replaced, "replaced").await?;
        }
        if moved > 0 { self.add_progress(0, moved).await } else { Ok(()) }
    }

    /// Whether the key is of an older generation, and its machine has not moved.
    async fn has_waited(&mut self, key: AccessKeyId) -> Result<bool, sqlx::Error> {
        let Some(row) = self.cached.key(self.rows, key).await? else { return Ok(false) };
        let (generation, repository) = (row.generation, row.repository);
        let has_moved = row.moved_at.is_some();
        let ring = self.cached.ring(self.rows, repository).await?;
        Ok(!has_moved && ring.is_some_and(|ring| generation < ring.generation))
    }

    /// The key by which a machine that enrols again counts in a window: the one of the older generation, if it had one.
    async fn first_of_line(&mut self, replaces: &[AccessKeyId]) -> Result<Option<AccessKeyId>, sqlx::Error> {
        let Some(first) = replaces.first() else { return Ok(None) };
        let Some(row) = self.cached.key(self.rows, *first).await? else { return Ok(Some(*first)) };
        let (generation, repository, follows) = (row.generation, row.repository, row.follows);
        let ring = self.cached.ring(self.rows, repository).await?;
        let is_newest = ring.is_some_and(|ring| generation == ring.generation);
        Ok(follows.filter(|_| is_newest).or(Some(*first)))
    }

    async fn end(&mut self, key: AccessKeyId, by: &'static str) -> Result<(), sqlx::Error> {
        if let Some(row) = self.cached.change_key(self.rows, key).await? {
            row.ended_by = Some(by.into());
        }
        self.changes.push(Change::Ended(key));
        Ok(())
    }

    /// A machine that is cut off is not waited for. It counts by its key of the older generation, which is this one, or
    /// the one that this one replaced.
    async fn revoke(&mut self, key: AccessKeyId) -> Result<(), sqlx::Error> {
        self.end(key, "revoked").await?;
        let counts = match self.counts(key).await? {
            true => Some(key),
            false => self.replaced_of_older_generation(key).await?,
        };
        let Some(counts) = counts else { return Ok(()) };
        let Some(row) = self.cached.change_key(self.rows, counts).await? else { return Ok(()) };
        row.ended_by = Some("revoked".into());
        let has_moved = row.moved_at.is_some();
        self.add_progress(-1, -i32::from(has_moved)).await
    }

    /// Whether an open window waits for the machine of this key.
    async fn counts(&mut self, key: AccessKeyId) -> Result<bool, sqlx::Error> {
        let Some(row) = self.cached.key(self.rows, key).await? else { return Ok(false) };
        let is_machine_of_this = row.kind == KeyKind::Machine && row.repository == self.repository;
        let generation = row.generation;
        let ring = self.cached.ring(self.rows, self.repository).await?;
        let waits = ring.is_some_and(|ring| ring.grace_until.is_some() && generation + 1 == ring.generation);
        Ok(is_machine_of_this && waits)
    }

    /// The key of an older generation that `key` replaced, if an open window waits for its machine.
    async fn replaced_of_older_generation(&mut self, key: AccessKeyId) -> Result<Option<AccessKeyId>, sqlx::Error> {
        let Some(newer) = self.cached.key(self.rows, key).await? else { return Ok(None) };
        let (Some(older), generation) = (newer.follows, newer.generation) else { return Ok(None) };
        let Some(row) = self.cached.key(self.rows, older).await? else { return Ok(None) };
        let was_replaced = row.ended_by.as_deref() == Some("replaced") && generation > row.generation;
        Ok(if was_replaced && self.counts(older).await? { Some(older) } else { None })
    }

    async fn close(&mut self, generation: u32, by: &'static str) -> Result<(), sqlx::Error> {
        if let Some(ring) = self.cached.change_ring(self.rows, self.repository).await? {
            (ring.grace_until, ring.closed_at, ring.closed_by) = (None, Some(self.at), Some(by.into()));
        }
        sqlx::query("insert into sealed_keys (repository, generation) values (?, ?) on conflict do nothing")
            .bind(self.repository.to_string())
            .bind(generation)
            .execute(&mut *self.rows)
            .await?;
        self.changes.push(Change::Closed(self.repository, generation));
        Ok(())
    }
}
