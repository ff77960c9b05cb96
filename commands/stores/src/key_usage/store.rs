//! `uses.sqlite`: when keys were seen, and which packages they downloaded.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{
    Connection as _, Row as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::collect::{Batch, Count};

/// How long a use is remembered, in days.
pub(crate) const KEPT_DAYS: i64 = 400;
/// Most pairs of package and key that are remembered; the ones used longest ago are forgotten first. About 1 GB.
pub(crate) const FETCHES_MAX: u32 = 10_000_000;
/// How many queries may read at the same time.
const READERS_MAX: u32 = 4;

const SCHEMA: &str = include_str!("../../../../migrations/uses/sqlite/uses.sql");

/// The only connection that writes.
pub(super) struct Store {
    rows: SqliteConnection,
    fetches_max: u32,
}

/// Connections that only read the file at `path`.
pub(super) fn readers(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    SqlitePoolOptions::new().max_connections(READERS_MAX).connect_lazy_with(options)
}

impl Store {
    /// `synchronous=NORMAL` may lose the last seconds when the power fails. They are only counts.
    pub(super) async fn open(path: &Path) -> Result<(Self, SqlitePool), sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        let mut rows = SqliteConnection::connect_with(&options).await?;
        sqlx::raw_sql(SCHEMA).execute(&mut rows).await?;
        Ok((Self { rows, fetches_max: FETCHES_MAX }, readers(path)))
    }

    #[cfg(test)]
    pub(super) fn remember_at_most(&mut self, fetches: u32) {
        self.fetches_max = fetches;
    }

    /// Adds a batch to what is there.
    pub(super) async fn write(&mut self, batch: &Batch) -> Result<(), sqlx::Error> {
        let mut transaction = self.rows.begin().await?;
        for (key, Count { first, last, times }) in &batch.seen {
            sqlx::query(
                "insert into seen (key, first_at, last_at, times) values (?, ?, ?, ?) on conflict do update set \
                 last_at = max(last_at, excluded.last_at), times = times + excluded.times",
            )
            .bind(key.0.as_bytes().as_slice())
            .bind(first.timestamp_micros())
            .bind(last.timestamp_micros())
            .bind(times)
            .execute(&mut *transaction)
            .await?;
        }
        for ((sha256, key), Count { first, last, times }) in &batch.fetched {
            sqlx::query(
                "insert into fetched (sha256, key, first_at, last_at, times) values (?, ?, ?, ?, ?) \
                 on conflict do update set last_at = max(last_at, excluded.last_at), times = times + excluded.times",
            )
            .bind(sha256.0.as_slice())
            .bind(key.0.as_bytes().as_slice())
            .bind(first.timestamp_micros())
            .bind(last.timestamp_micros())
            .bind(times)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await
    }

    /// Removes what is too old or too much.
    pub(super) async fn forget(&mut self, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let oldest = (now - TimeDelta::days(KEPT_DAYS)).timestamp_micros();
        sqlx::query("delete from seen where last_at < ?").bind(oldest).execute(&mut self.rows).await?;
        sqlx::query("delete from fetched where last_at < ?").bind(oldest).execute(&mut self.rows).await?;
        let count = sqlx::query("select count(*) from fetched").fetch_one(&mut self.rows).await?;
        let too_many = count.try_get::<i64, _>(0)? - i64::from(self.fetches_max);
        if too_many > 0 {
            sqlx::query(
                "delete from fetched where (sha256, key) in \
                 (select sha256, key from fetched order by last_at limit ?)",
            )
            .bind(too_many)
            .execute(&mut self.rows)
            .await?;
        }
        Ok(())
    }
}
