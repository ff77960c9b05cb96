//! Inserting many rows with one statement: each statement is a message to SQLite's thread and back, which takes ten
//! times as long as a row. After an error the transaction must be rolled back.

#[cfg(test)]
mod tests;

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
