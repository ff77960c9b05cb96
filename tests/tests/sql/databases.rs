//! Databases with the schemas of `migrations/`, and nothing in them.

use std::{fmt::Write as _, fs, path::Path};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _, SqliteConnection};
use throwaway_postgres::Cluster;

use crate::sources::root;

/// One SQLite database for each folder `migrations/<name>/sqlite`.
pub(crate) struct Sqlite(Vec<(String, SqliteConnection)>);

impl Sqlite {
    /// Makes them.
    pub(crate) async fn migrated() -> Self {
        let mut all = Vec::new();
        for (name, schema) in schemas("sqlite") {
            let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("SQLite");
            sqlx::raw_sql(AssertSqlSafe(schema)).execute(&mut connection).await.expect("a schema");
            all.push((name, connection));
        }
        Self(all)
    }

    /// Whether one of them understands `sql`; if none does, what each of them says.
    pub(crate) async fn prepare(&mut self, sql: &str) -> Result<(), String> {
        let mut reasons = String::new();
        for (name, connection) in &mut self.0 {
            match connection.prepare(AssertSqlSafe(sql.to_owned()).into_sql_str()).await {
                Ok(_) => return Ok(()),
                Err(error) => writeln!(reasons, "  {name}: {error}").expect("memory"),
            }
        }
        Err(reasons)
    }
}

/// A PostgreSQL server with a database that has the schemas of all folders `migrations/<name>/postgres`.
pub(crate) struct Postgres {
    connection: PgConnection,
    _cluster: Cluster,
}

impl Postgres {
    /// Starts it.
    pub(crate) async fn migrated() -> Self {
        let cluster = Cluster::start();
        let mut connection = PgConnection::connect(&cluster.url("postgres")).await.expect("a connection");
        for (_, schema) in schemas("postgres") {
            sqlx::raw_sql(AssertSqlSafe(schema)).execute(&mut connection).await.expect("a schema");
        }
        Self { connection, _cluster: cluster }
    }

    /// Whether it understands `sql`, statement by statement: PostgreSQL prepares no more than one at once.
    pub(crate) async fn prepare(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        for one in sql.split(';').filter(|one| !one.trim().is_empty()) {
            self.connection.prepare(AssertSqlSafe(one.to_owned()).into_sql_str()).await?;
        }
        Ok(())
    }
}

/// The files of each folder `migrations/<name>/<kind>` in their order, as one text.
fn schemas(kind: &str) -> Vec<(String, String)> {
    let folders = entries(&root().join("migrations")).into_iter().filter(|folder| folder.join(kind).is_dir());
    let schema = |folder: &Path| {
        let files =
            entries(&folder.join(kind)).into_iter().filter(|file| file.extension().is_some_and(|it| it == "sql"));
        files.map(|file| fs::read_to_string(file).expect("a migration")).collect::<Vec<_>>().join("\n")
    };
    folders.map(|folder| (folder.file_name().expect("a name").display().to_string(), schema(&folder))).collect()
}

fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of migrations");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}
