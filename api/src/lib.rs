//! How the world talks to pkgdeploy: HTTP, GraphQL, triggers, repositories, installers, the command line.

pub mod app;
pub mod archive;
pub mod auth;
pub mod backup;
pub mod cli;
pub mod data_folder;
pub mod graphql;
pub mod http;
pub mod installers;
pub mod mint;
pub mod moved_log;
pub mod oidc;
pub mod ops;
pub mod pages;
pub mod releases;
pub mod repositories;
mod self_check;
pub mod serve;
pub mod settings;
mod signing_health;
pub mod transparency;
pub mod uploads;
pub mod uses;
pub mod verify;
pub mod webhooks;
pub mod wiring;
