//! The event log: the port, SQLite and PostgreSQL, and the one function that appends to it.

pub mod event_store;
pub mod execute;
pub mod log_lines;
