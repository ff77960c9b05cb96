//! What the stories stand on: a server of their own, the machines that install from it, and projects to release.

mod api;
mod ci_issuer;
mod crawl;
mod event_log;
mod github_delivery;
mod github_double;
mod machine;
mod project;
mod replica;
mod server;
mod sshd;
mod webhook;

pub use self::{
    api::{Answer, Format, MadeProject, MadeRepository, Release, Team},
    ci_issuer::CiIssuer,
    crawl::{Served, ServedFile, crawl, listed_packages, packages_index},
    event_log::EventLog,
    github_double::{DoubleHook, DoubleKey, DoubleStatus, Fault, GithubCall, GithubDouble, Known},
    machine::{Machine, Ran, client_root, run_host},
    project::{Project, sample_project},
    replica::FollowingReplica,
    server::{Server, StartOptions, program, verifier},
    sshd::Sshd,
    webhook::Webhook,
};

use serde_json::Value;

/// The text at `pointer` (RFC 6901), which must be there.
#[must_use]
pub fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("expected a text at {pointer} of {value:#}")).to_owned()
}
