//! The fourth pass: the live read models are what the log gives, row by row.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use domain::recorded::Position;
use projections::checkpoint::{Checkpoint, checkpoints};
use sqlx::{
    AssertSqlSafe, Connection as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::{Finding, Place, VerifyError, transparency};

/// A copy of the live read models at one moment.
pub(super) struct Snapshot {
    file: PathBuf,
    checkpoints: HashMap<String, Checkpoint>,
}

impl Snapshot {
    /// Copies `live` into `scratch` without holding up whoever writes to it.
    pub(super) async fn take(live: &Path, scratch: &Path) -> Result<Self, VerifyError> {
        let failed = |source| VerifyError::Rows { action: "copy the live read models", source };
        let file = scratch.join("live.sqlite");
        let options = SqliteConnectOptions::new().filename(live).read_only(true);
        let mut rows = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        let copy = sqlx::query("vacuum into ?").bind(file.to_string_lossy().into_owned());
        copy.execute(&mut rows).await.map_err(failed)?;
        rows.close().await.map_err(failed)?;

        let mut rows =
            SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&file)).await.map_err(failed)?;
        let checkpoints = checkpoints(&mut rows).await.map_err(failed)?;
        rows.close().await.map_err(failed)?;
        Ok(Self { file, checkpoints })
    }

    /// How many projectors it has rows of.
    pub(super) fn len(&self) -> u64 {
        self.checkpoints.len() as u64
    }

    /// How far the projector of that name had come.
    pub(super) fn position(&self, projector: &str) -> Option<Position> {
        self.checkpoints.get(projector).map(|checkpoint| checkpoint.position)
    }

    /// The live read models know events that a log which ends at `head` does not have.
    pub(super) fn beyond(&self, head: Position) -> Option<Finding> {
        let furthest = self.checkpoints.values().map(|checkpoint| checkpoint.position).max()?;
        (furthest > head).then(|| {
            let what = format!("the log ends here, and the live read models have events up to position {furthest}");
            Finding::new(Place::at(head), what)
        })
    }

    /// Whether a projector of this version that has come to `at` must have the same rows; otherwise why not.
    pub(super) fn comparable(&self, projector: &str, version: u32, at: Option<Position>) -> Result<(), String> {
        match self.checkpoints.get(projector) {
            None => Err(format!("{projector} has no live rows")),
            Some(Checkpoint { version: other, .. }) if *other != version => {
                Err(format!("the live rows of {projector} are of version {other}, this is version {version}"))
            }
            Some(Checkpoint { position, .. }) if at != Some(*position) => {
                Err(format!("the live rows of {projector} are those of position {position}"))
            }
            Some(_) => Ok(()),
        }
    }

    /// The first difference of each of `tables` between these rows and those in `scratch`.
    pub(super) async fn differences(
        &self,
        tables: &[&str],
        scratch: &Path,
        at: Position,
    ) -> Result<Vec<Finding>, VerifyError> {
        let failed = |source| VerifyError::Rows { action: "compare the read models", source };
        let options = SqliteConnectOptions::new().filename(&self.file);
        let mut rows = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        sqlx::query("attach ? as scratch")
            .bind(scratch.to_string_lossy().into_owned())
            .execute(&mut rows)
            .await
            .map_err(failed)?;
        let mut findings = Vec::new();
        if tables.contains(&"transparency_tile") {
            findings.extend(transparency::first_other_entry(&mut rows).await.map_err(failed)?);
        }
        for table in tables {
            // Names of tables are constants of the program.
            for (one, other, what) in
                [("main", "scratch", "has a row that the log does not give"), ("scratch", "main", "lacks a row")]
            {
                let sql = format!("select * from {one}.{table} except select * from {other}.{table} limit 1");
                let found = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&mut rows).await.map_err(failed)?;
                if let Some(row) = found {
                    let row = words(&row);
                    findings.push(Finding::new(Place::at(at), format!("the live read model {table} {what}: {row}")));
                    break;
                }
            }
        }
        rows.close().await.map_err(failed)?;
        Ok(findings)
    }
}

/// The row's first columns: enough to find it.
fn words(row: &SqliteRow) -> String {
    use sqlx::Column as _;
    let columns = row.columns().iter().take(4).map(|column| {
        let value = row.try_get_unchecked::<String, _>(column.ordinal()).unwrap_or_else(|_| "?".to_owned());
        format!("{} = {value}", column.name())
    });
    columns.collect::<Vec<_>>().join(", ")
}
