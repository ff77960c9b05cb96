//! The HTTP layer: connections with time-outs, strict request parsing, conditional responses, problems.

pub mod api_limits;
pub mod auth;
pub mod basic;
pub mod client_address;
pub mod conditional;
pub mod file;
mod from;
mod head;
mod observe;
pub mod open_files;
pub mod path;
pub mod problem;
pub mod public_url;
pub mod query;
pub mod range;
pub mod rate_limit;
pub mod replicas_last_seen;
pub mod run_command;
pub mod server;
mod strict_io;
pub mod tokens;
