//! The fourth pass: the live read models equal those rebuilt from the log, row by row.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use domain::{error_chain::ErrorChain, recorded::Position};
use projections::checkpoint::{Checkpoint, checkpoints};
use sqlx::{
    AssertSqlSafe, Connection as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::{Finding, Place, VerifyError, transparency};

/// The tables of read models that do not belong to a projector.
const CHECKPOINTS: &str = "projector_checkpoint";

/// A consistent copy of the live read models.
pub(super) struct Snapshot {
    file: PathBuf,
    checkpoints: HashMap<String, Checkpoint>,
    /// The kind of each named object in the schema: `table`, `view`, `trigger`.
    named: BTreeMap<String, String>,
}

impl Snapshot {
    /// Copies `live` into `scratch` without blocking its writer; or says why the file holds no read models.
    pub(super) async fn take(live: &Path, scratch: &Path) -> Result<Result<Self, String>, VerifyError> {
        match Self::copied(live, scratch.join("live.sqlite")).await {
            Ok(snapshot) => Ok(Ok(snapshot)),
            Err(error) if is_of_the_file(&error) => {
                Ok(Err(format!("the live read models {} cannot be compared: {}", live.display(), ErrorChain(&error))))
            }
            Err(source) => Err(VerifyError::Rows { action: "copy the live read models", source }),
        }
    }

    async fn copied(live: &Path, file: PathBuf) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new().filename(live).read_only(true);
        let mut rows = SqliteConnection::connect_with(&options).await?;
        let copy = sqlx::query("vacuum into ?").bind(file.to_string_lossy().into_owned());
        copy.execute(&mut rows).await?;
        rows.close().await?;

        let mut rows = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&file)).await?;
        let checkpoints = checkpoints(&mut rows).await?;
        let named = sqlx::query_as::<_, (String, String)>("select name, type from sqlite_schema where type <> 'index'");
        let named = named.fetch_all(&mut rows).await?.into_iter().collect();
        rows.close().await?;
        Ok(Self { file, checkpoints, named })
    }

    /// The number of projectors that have rows.
    pub(super) fn len(&self) -> u64 {
        self.checkpoints.len() as u64
    }

    /// The position of the projector of this name.
    pub(super) fn position(&self, projector: &str) -> Option<Position> {
        self.checkpoints.get(projector).map(|checkpoint| checkpoint.position)
    }

    /// Reports read models with events after the log's end at `head`.
    pub(super) fn beyond(&self, head: Position) -> Option<Finding> {
        let furthest = self.checkpoints.values().map(|checkpoint| checkpoint.position).max()?;
        (furthest > head).then(|| {
            let what = format!("the log ends here, but the live read models have events up to position {furthest}");
            Finding::new(Place::at(head), what)
        })
    }

    /// Views and triggers: projectors make none, and a trigger changes rows unnoticed.
    pub(super) fn made_by_others(&self, at: Position) -> Vec<Finding> {
        let others = self.named.iter().filter(|(_, kind)| *kind != "table");
        let what = |kind, name| format!("the live read models have a {kind} {name}, which no projector creates");
        others.map(|(name, kind)| Finding::new(Place::at(at), what(kind, name))).collect()
    }

    /// Whether the live rows must equal those of a projector of this version at the position `at`.
    pub(super) fn comparable(
        &self,
        projector: &str,
        version: u32,
        tables: &[&str],
        at: Option<Position>,
    ) -> Comparable {
        match self.checkpoints.get(projector) {
            // One step makes a projector's tables and says how far it is: one without the other was made by another program.
            None => match tables.iter().find(|table| self.has(table)) {
                Some(_) if self.has_former_name(projector) => Comparable::No(format!(
                    "the live rows of {projector} are of a version that called it something else"
                )),
                Some(table) => Comparable::Damaged(format!(
                    "the live read models do not say how far {projector} had come, and have its table {table}: there is no row \
                     of it in {CHECKPOINTS}"
                )),
                None => Comparable::No(format!("{projector} has no live rows")),
            },
            // No server that this program belongs to made them, and an attacker who changes a row can change this, too.
            Some(Checkpoint { version: other, .. }) if *other > version => Comparable::Damaged(format!(
                "the live rows of {projector} say that they are of version {other}, and this is version {version}: if a newer \
                 program made them, verify with that one"
            )),
            Some(Checkpoint { version: other, .. }) if *other != version => Comparable::No(format!(
                "the live rows of {projector} are of version {other}, this is version {version}"
            )),
            Some(Checkpoint { position, .. }) if at != Some(*position) => {
                Comparable::No(format!("the live rows of {projector} are those of position {position}"))
            }
            Some(_) => Comparable::Yes,
        }
    }

    /// A program from before the projector was renamed made the rows.
    fn has_former_name(&self, projector: &str) -> bool {
        let former = FORMER_NAMES.iter().find(|(now, _)| *now == projector);
        former.is_some_and(|(_, former)| self.checkpoints.contains_key(*former))
    }

    fn has(&self, table: &str) -> bool {
        self.named.get(table).is_some_and(|kind| kind == "table")
    }

    /// The first difference in each of `tables` between these rows and those in `scratch`.
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
        for table in tables {
            if !self.has(table) {
                findings.push(Finding::new(Place::at(at), format!("the live read models have no table {table}")));
                continue;
            }
            match difference(&mut rows, table, at).await {
                Ok(found) => findings.extend(found),
                Err(error) if is_of_the_file(&error) => {
                    let what = format!("the live read model {table} cannot be compared: {}", ErrorChain(&error));
                    findings.push(Finding::new(Place::at(at), what));
                }
                Err(error) => return Err(failed(error)),
            }
        }
        rows.close().await.map_err(failed)?;
        Ok(findings)
    }
}

/// Projectors that were renamed: their names now, and the names in read models that older programs made.
const FORMER_NAMES: [(&str, &str); 2] = [("dashboard", "board"), ("audit_index", "history")];

/// Whether the rows of a projector are compared.
pub(super) enum Comparable {
    /// Yes, they must be equal.
    Yes,
    /// No, they may differ for this reason.
    No(String),
    /// The projector's position is missing.
    Damaged(String),
}

/// The first difference in a table.
async fn difference(rows: &mut SqliteConnection, table: &str, at: Position) -> Result<Vec<Finding>, sqlx::Error> {
    let mut findings = Vec::new();
    if table == "transparency_tile" {
        findings.extend(transparency::first_other_entry(rows).await?);
    }
    for (one, other, what) in
        [("main", "scratch", "has a row that does not follow from the log"), ("scratch", "main", "lacks a row")]
    {
        // Names of tables are constants of the program.
        let sql = format!("select * from {one}.{table} except select * from {other}.{table} limit 1");
        if let Some(row) = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&mut *rows).await? {
            let row = words(&row);
            findings.push(Finding::new(Place::at(at), format!("the live read model {table} {what}: {row}")));
            break;
        }
    }
    Ok(findings)
}

/// Result codes about the content of a file, not about the disk or another process.
/// Source: SQLite, "Result and Error Codes": SQLITE_ERROR (no such table), SQLITE_CORRUPT, SQLITE_NOTADB.
const OF_THE_FILE: [u32; 3] = [1, 11, 26];

/// Whether the error means that the file's content is not valid.
fn is_of_the_file(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            // The lowest byte of an extended code is the primary code.
            let code = error.code().and_then(|code| code.parse::<u32>().ok());
            code.is_some_and(|code| OF_THE_FILE.contains(&(code & 0xff)))
        }
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => true,
        _ => false,
    }
}

/// The row's first columns, to identify it.
fn words(row: &SqliteRow) -> String {
    use sqlx::Column as _;
    let columns = row.columns().iter().take(4).map(|column| {
        let value = row.try_get_unchecked::<String, _>(column.ordinal()).unwrap_or_else(|_| "?".to_owned());
        format!("{} = {value}", column.name())
    });
    columns.collect::<Vec<_>>().join(", ")
}
