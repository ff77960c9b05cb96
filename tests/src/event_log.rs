//! The server's event log, read behind its back: what happened, and the very moment at which it did.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use sqlx::{
    Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

/// Builds run in between.
const WAIT_LIMIT: Duration = Duration::from_secs(120);
/// How long a story may be late: far less than a step takes.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A reader of `log.sqlite`.
#[derive(Debug)]
pub struct EventLog {
    pool: SqlitePool,
}

impl EventLog {
    /// Opens the log for reading.
    ///
    /// # Panics
    /// If there is none.
    pub async fn open(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
        Self { pool: pool.expect("the event log opens") }
    }

    /// The newest event's position, 0 if there is none.
    pub async fn position(&self) -> i64 {
        let row = sqlx::query("select coalesce(max(position), 0) from event").fetch_one(&self.pool).await;
        row.expect("the log is readable").get(0)
    }

    /// The names of all events after `position`, in order.
    pub async fn names_after(&self, position: i64) -> Vec<String> {
        let rows = sqlx::query("select name from event where position > ?1 order by position").bind(position);
        let rows = rows.fetch_all(&self.pool).await.expect("the log is readable");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Returns the moment an event with this name stands after `position`.
    pub async fn wait_for(&self, name: &str, position: i64) {
        let deadline = Instant::now() + WAIT_LIMIT;
        loop {
            let found = sqlx::query("select 1 from event where position > ?1 and name = ?2 limit 1")
                .bind(position)
                .bind(name)
                .fetch_optional(&self.pool)
                .await
                .expect("the log is readable");
            if found.is_some() {
                return;
            }
            if Instant::now() > deadline {
                panic!("no {name} came; there were {:?}", self.names_after(position).await);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Closes it: before a server opens the file again.
    pub async fn close(self) {
        self.pool.close().await;
    }
}
