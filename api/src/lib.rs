//! How the world talks to pkgdeploy: HTTP, GraphQL, triggers, repositories, installers, the command line.

mod builds;
pub mod cli;
mod components;
mod github;
mod parts;
mod self_check;
pub mod serve;
pub mod serve_replica;
pub mod settings;
mod state;
mod workers;
