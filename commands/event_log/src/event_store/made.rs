//! Checks that a database in which a log is opened has no tables of another program.

/// Where sqlx keeps which migrations ran. It is made before the log's own tables.
const MIGRATIONS: &str = "_sqlx_migrations";

/// The first table or view that is not the log's, in a database without a log: such a database belongs to another
/// program. `all` has the kind and name of each. A log with an added table is still a log.
pub(super) fn other_than_log<'a>(all: &'a [(String, String)], log: &[&str]) -> Option<&'a (String, String)> {
    let has = |wanted: &str| all.iter().any(|(kind, name)| kind == "table" && name == wanted);
    let is_log = has(MIGRATIONS) && log.iter().all(|table| has(table));
    all.iter().find(|(_, name)| !is_log && name != MIGRATIONS)
}
