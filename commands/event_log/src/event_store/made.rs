//! Whether a database that is to hold a log was made for one.

/// Where sqlx keeps which migrations ran. It is made before the log's own tables.
const MIGRATIONS: &str = "_sqlx_migrations";

/// The first of the tables and views, each its kind and name, that is no log's, if there is no log beside it: what a database holds
/// that was made for something else. A log to which somebody added a table is a log.
pub(super) fn other_than_log<'a>(all: &'a [(String, String)], log: &[&str]) -> Option<&'a (String, String)> {
    let has = |wanted: &str| all.iter().any(|(kind, name)| kind == "table" && name == wanted);
    let is_log = has(MIGRATIONS) && log.iter().all(|table| has(table));
    all.iter().find(|(_, name)| !is_log && name != MIGRATIONS)
}
