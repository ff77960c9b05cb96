//! The progress of a repository's newest roll, for people.

use chrono::{DateTime, Utc};
use domain::ids::{AccessKeyId, RepositoryId};
use sqlx::Row as _;

use crate::{
    credentials::Credentials,
    read_models::{maybe_time, parsed},
};

/// Most silent machines in one answer.
pub const SILENT_PAGE_MAX: u32 = 1_000;

/// A repository's keyring and its newest roll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyringProgress {
    /// Which generation of keys is the newest.
    pub generation: u32,
    /// When it began; none before the first roll.
    pub rolled_at: Option<DateTime<Utc>>,
    /// When older keys end; none unless a grace window is open.
    pub grace_until: Option<DateTime<Utc>>,
    /// The machines that had an older key when the newest window opened, and were not cut off since.
    pub machines: u32,
    /// Those of them that have used their new key.
    pub moved: u32,
    /// When the newest window closed; none while it is open.
    pub closed_at: Option<DateTime<Utc>>,
    /// Why: `everyone_moved`, `time_over` or `cut`.
    pub closed_by: Option<String>,
}

/// A machine that has not used its new key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilentMachine {
    /// Its older key.
    pub key: AccessKeyId,
    /// The new one, if it has asked for it.
    pub renewed: Option<AccessKeyId>,
    /// What it calls itself.
    pub name: String,
}

impl Credentials {
    /// The progress of the newest roll at the time `now`.
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn keyring(&self, repository: RepositoryId, now: DateTime<Utc>) -> Result<KeyringProgress, sqlx::Error> {
        let row = sqlx::query(
            "select generation, rolled_at, grace_until, machines, moved, closed_at, closed_by from keyring \
             where repository = ?",
        );
        let Some(row) = row.bind(repository.to_string()).fetch_optional(&self.readers).await? else {
            return Ok(KeyringProgress::new());
        };
        let moment = |column| maybe_time(&row, column);
        let mut progress = KeyringProgress {
            generation: row.try_get("generation")?,
            rolled_at: moment("rolled_at")?,
            grace_until: moment("grace_until")?,
            machines: row.try_get("machines")?,
            moved: row.try_get("moved")?,
            closed_at: moment("closed_at")?,
            closed_by: row.try_get("closed_by")?,
        };
        // The time itself closes a window.
        if let Some(until) = progress.grace_until.filter(|until| *until <= now) {
            progress = KeyringProgress {
                grace_until: None,
                closed_at: Some(until),
                closed_by: Some("time_over".to_owned()),
                ..progress
            };
        }
        Ok(progress)
    }

    /// The machines that the newest window waits or waited for, by name, after the one called `after`; at most
    /// [`SILENT_PAGE_MAX`].
    ///
    /// # Errors
    /// The read models cannot be read.
    pub async fn silent_machines(
        &self,
        repository: RepositoryId,
        after: Option<&str>,
        first: u32,
    ) -> Result<Vec<SilentMachine>, sqlx::Error> {
        let found = sqlx::query(
            "select id, name, (select newer.id from access_key newer where newer.follows = access_key.id) as renewed \
             from access_key where repository = ?1 and kind = 'machine' and ended_by is null and moved_at is null \
             and generation = (select generation - 1 from keyring where repository = ?1 and machines > 0) \
             and name > ?2 order by name limit ?3",
        )
        .bind(repository.to_string())
        .bind(after.unwrap_or_default())
        .bind(first.min(SILENT_PAGE_MAX))
        .fetch_all(&self.readers);
        let silent = |row: &sqlx::sqlite::SqliteRow| {
            Ok(SilentMachine {
                key: parsed(row, "id")?,
                renewed: row.try_get::<Option<&str>, _>("renewed")?.map(|_| parsed(row, "renewed")).transpose()?,
                name: row.try_get("name")?,
            })
        };
        found.await?.iter().map(silent).collect()
    }
}

impl KeyringProgress {
    /// Of a keyring that nothing has happened to.
    fn new() -> Self {
        Self {
            generation: 1,
            rolled_at: None,
            grace_until: None,
            machines: 0,
            moved: 0,
            closed_at: None,
            closed_by: None,
        }
    }
}
