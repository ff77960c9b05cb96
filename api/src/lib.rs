//! How the world talks to pkgdeploy: HTTP, GraphQL, triggers, repositories, installers, the command line.

pub mod cli;
mod github;
mod self_check;
pub mod serve;
pub mod serve_replica;
pub mod settings;
mod state;
mod workers;
