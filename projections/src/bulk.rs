//! Inserting many rows with one statement: each statement is a message to SQLite's thread and back, which takes ten
//! times as long as a row. After an error the transaction must be rolled back.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

/// Rows of one statement are a power of two, at most this: each number of rows is a separate statement to SQLite.
const ROWS_AT_ONCE_MAX: usize = 512;
const SIZES: usize = ROWS_AT_ONCE_MAX.ilog2() as usize + 1;

/// A statement that values are being bound to.
pub type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// An `insert` for any number of rows.
pub struct Insert {
    columns: usize,
    /// For 1, 2, 4, … rows. Rows that are not bound are null and left out.
    statements: [Arc<str>; SIZES],
}

impl Insert {
    /// Into `columns` of `table`, none of which may be there already. The first column is never null.
    #[must_use]
    pub fn new(table: &str, columns: &[&str]) -> Self {
        // The caller rolls the transaction back after a failure, so SQLite needs no copy of the pages.
        Self::of("insert or fail", table, columns, "")
    }

    /// The same, and a row that has the key of one that is there takes its place. The table has no other unique
    /// columns.
    #[must_use]
    pub fn or_replace(table: &str, columns: &[&str]) -> Self {
        Self::of("insert or replace", table, columns, "")
    }

    /// The same, and `on_conflict` says what happens to a row that is there already.
    #[must_use]
    pub fn or(table: &str, columns: &[&str], on_conflict: &str) -> Self {
        Self::of("insert", table, columns, on_conflict)
    }

    fn of(insert: &str, table: &str, columns: &[&str], on_conflict: &str) -> Self {
        let row = format!("({})", vec!["?"; columns.len()].join(","));
        let names = columns.join(", ");
        let statements = std::array::from_fn(|exponent| {
            let values = vec![row.as_str(); 1 << exponent].join(",");
            format!(
                "{insert} into {table} ({names}) \
                 select * from (values {values}) where column1 is not null {on_conflict}"
            )
            .into()
        });
        Self { columns: columns.len(), statements }
    }

    /// Writes `rows`, whose values `bind` gives in the order of the columns. Rows that are neighbours in the table
    /// should be neighbours here.
    ///
    /// # Errors
    /// A row is refused by the table, or the database cannot be written.
    pub async fn write<T>(
        &self,
        connection: &mut SqliteConnection,
        mut rows: impl ExactSizeIterator<Item = T>,
        bind: impl for<'q> Fn(Statement<'q>, T) -> Statement<'q>,
    ) -> Result<(), sqlx::Error> {
        while rows.len() > 0 {
            let now = rows.len().min(ROWS_AT_ONCE_MAX);
            let size = now.next_power_of_two();
            let mut statement = sqlx::query(AssertSqlSafe(Arc::clone(&self.statements[size.ilog2() as usize])));
            for row in rows.by_ref().take(now) {
                statement = bind(statement, row);
            }
            for _ in 0..(size - now) * self.columns {
                statement = statement.bind(None::<i64>);
            }
            statement.execute(&mut *connection).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use sqlx::Connection as _;

    use super::*;

    async fn table() -> SqliteConnection {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let schema = "create table numbered (id integer primary key, name text not null, note text) strict";
        sqlx::raw_sql(schema).execute(&mut connection).await.unwrap();
        connection
    }

    async fn write(
        connection: &mut SqliteConnection,
        insert: &Insert,
        rows: &[(i64, &str)],
    ) -> Result<(), sqlx::Error> {
        insert
            .write(connection, rows.iter(), |statement, (id, name)| statement.bind(*id).bind(*name).bind(None::<&str>))
            .await
    }

    async fn read(connection: &mut SqliteConnection) -> Vec<(i64, String)> {
        sqlx::query_as("select id, name from numbered order by id").fetch_all(connection).await.unwrap()
    }

    #[tokio::test]
    async fn any_number_of_rows_is_written_each_once() {
        let insert = Insert::new("numbered", &["id", "name", "note"]);
        for count in [0, 1, 2, 3, 511, 512, 513, 1_500] {
            let mut connection = table().await;
            let rows: Vec<_> = (0..count).map(|id| (id, "a")).collect();
            write(&mut connection, &insert, &rows).await.unwrap();
            let expected: Vec<_> = rows.iter().map(|(id, name)| (*id, (*name).to_owned())).collect();
            assert_eq!(read(&mut connection).await, expected);
        }
    }

    #[tokio::test]
    async fn a_row_that_is_there_is_an_error_or_is_replaced_as_the_statement_says() {
        let mut connection = table().await;
        let columns = ["id", "name", "note"];
        let insert = Insert::new("numbered", &columns);
        write(&mut connection, &insert, &[(1, "a"), (2, "b")]).await.unwrap();
        assert!(write(&mut connection, &insert, &[(3, "c"), (2, "d")]).await.is_err());
        let replace = Insert::or_replace("numbered", &columns);
        write(&mut connection, &replace, &[(3, "c"), (2, "d")]).await.unwrap();
        let expected = [(1, "a"), (2, "d"), (3, "c")].map(|(id, name)| (id, name.to_owned()));
        assert_eq!(read(&mut connection).await, expected);
    }
}
