//! GitHub: its REST API as far as projects need it.
//!
//! A client of our own over reqwest: nine calls, each of which says how it failed and when to try again.

mod access;
mod address;
mod client;
mod deploy_keys;
mod error;
mod hooks;
mod reconcile;
mod repository;
mod statuses;
mod tags;
#[cfg(test)]
mod tests;
mod worker;

pub(crate) use self::error::RETRY_AFTER_MAX;
pub use self::{
    access::{Access, Trouble, source_key},
    client::{Github, HttpSettings, PAGES_MAX, Session},
    deploy_keys::DeployKeyEntry,
    error::GithubError,
    hooks::Hook,
    reconcile::Reconciled,
    repository::RepositoryFacts,
    statuses::CommitStatus,
    worker::{Addresses, GithubWorker, Pace},
};

/// What the token of an operator at GitHub is sealed for. The sealed bytes are its text.
pub const TOKEN_PURPOSE: &str = "github-token";
/// The purpose under which a webhook's secret is sealed. The sealed bytes are its text, as GitHub gets it.
pub const WEBHOOK_SECRET_PURPOSE: &str = "webhook-secret";
/// What the private half of a deploy key is sealed for. The sealed bytes are OpenSSH's format.
pub(crate) const DEPLOY_KEY_PURPOSE: &str = "deploy-key";
