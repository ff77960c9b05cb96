//! Each SQL statement in the sources is prepared by a database with the migrated schema: a misspelt column fails here, and
//! not at the first call.

mod databases;
mod sources;
mod statements;

use databases::{Postgres, Sqlite};
use statements::{Dialect, Statement};

/// Fewer would mean that the statements are not found any more.
const SQLITE_STATEMENTS_MIN: usize = 150;
const POSTGRES_STATEMENTS_MIN: usize = 10;

fn statements(dialect: Dialect) -> Vec<Statement> {
    sources::files().iter().flat_map(|file| file.statements()).filter(|found| found.dialect == dialect).collect()
}

#[tokio::test]
async fn sqlite_prepares_each_statement() {
    let statements = statements(Dialect::Sqlite);
    assert!(statements.len() >= SQLITE_STATEMENTS_MIN, "only {} statements found", statements.len());
    let mut databases = Sqlite::migrated().await;
    let mut refused = Vec::new();
    for statement in &statements {
        if let Err(reasons) = databases.prepare(&statement.sql).await {
            refused.push(format!("{statement}\n{reasons}"));
        }
    }
    assert!(refused.is_empty(), "no schema in migrations/ fits:\n\n{}", refused.join("\n"));
}

#[tokio::test]
async fn postgresql_prepares_each_statement() {
    let statements = statements(Dialect::Postgres);
    assert!(statements.len() >= POSTGRES_STATEMENTS_MIN, "only {} statements found", statements.len());
    let mut database = Postgres::migrated().await;
    let mut refused = Vec::new();
    for statement in &statements {
        if let Err(reason) = database.prepare(&statement.sql).await {
            refused.push(format!("{statement}\n  {reason}"));
        }
    }
    assert!(refused.is_empty(), "the schema in migrations/ does not fit:\n\n{}", refused.join("\n"));
}

#[tokio::test]
async fn a_statement_that_does_not_fit_any_schema_is_refused() {
    let mut databases = Sqlite::migrated().await;
    assert_eq!(databases.prepare("select name from organisation where id = ?").await, Ok(()));
    for wrong in [
        "select nmae from organisation",
        "select name from organization",
        "insert into organisation (id, name) values (?)",
        "selct name from organisation",
        "select sha256 from fetched join organisation on id = key",
    ] {
        assert!(databases.prepare(wrong).await.is_err(), "{wrong}");
    }
}
