//! The worker that brings GitHub in line with the projects' events: one webhook with the current secret, a deploy key, a
//! status at each released commit. It also looks for tags whose delivery was lost.
//!
//! It remembers nothing that counts. What is to be done follows from the events, and from what GitHub says it has: a
//! call that failed, was lost or was done without an answer is found by looking again.

mod attempts;
mod backlog;
mod deploy_key;
mod pass;
mod schedule;
mod statuses;
#[cfg(test)]
mod tests;
mod webhooks;

use std::{sync::Arc, time::Duration};

use domain::{
    event::Event,
    ids::{ProjectId, ReleaseId},
    recorded::Recorded,
};
use futures::FutureExt as _;
use tokio::time::Instant;
use workers::{Action, ActionError, Backoff, Items, Next, Spec, Worker};

use self::{
    backlog::{Key, Row},
    schedule::Schedule,
};
use super::Access;

/// The name under which the worker acts.
const WORKER: &str = "github";
/// Most projects that are looked after at the same time: one GitHub that hangs holds up one of them.
const AT_ONCE_MAX: usize = 8;

/// How often things are tried.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The wait after a first failure; doubled with each that follows.
    pub retry_first: Duration,
    /// The longest such wait. What GitHub itself asks for may be longer.
    pub retry_max: Duration,
    /// How often each project's tags and webhooks are looked at, give or take a tenth.
    pub look_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry_first: Duration::from_secs(2),
            retry_max: Duration::from_mins(15),
            look_every: Duration::from_mins(15),
        }
    }
}

impl Pace {
    fn retry(&self) -> Backoff {
        Backoff { first: self.retry_first, max: self.retry_max }
    }
}

/// Under which addresses this server is known to GitHub.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// `https://packages.example.org`, without a slash at its end.
    pub public_url: String,
}

impl Addresses {
    /// Where a project's deliveries go.
    fn webhook(&self, project: ProjectId) -> String {
        format!("{}/webhooks/github/{project}", self.public_url)
    }

    /// Where people read about a release.
    fn release(&self, release: ReleaseId) -> String {
        format!("{}/releases/{release}", self.public_url)
    }
}

/// The worker and what it needs.
pub struct GithubWorker {
    /// How it gets at GitHub.
    access: Arc<Access>,
    /// Who we are, to GitHub.
    addresses: Addresses,
    /// How often things are tried.
    pace: Pace,
    schedule: Schedule,
}

impl GithubWorker {
    /// Looks after the projects that `access` gets at, at this pace.
    #[must_use]
    pub fn new(access: Arc<Access>, addresses: Addresses, pace: Pace) -> Self {
        Self { access, addresses, pace, schedule: Schedule::default() }
    }
}

/// Each pass of a project does whatever its events want. A start looks at everything again.
impl Worker for GithubWorker {
    type Key = Key;
    type Item = Row;

    fn spec(&self) -> Spec {
        Spec {
            at_once_max: AT_ONCE_MAX,
            retry: self.pace.retry(),
            ..Spec::following(WORKER, backlog::FOLD_VERSION, backlog::EVENT_NAMES)
        }
    }

    fn fold(&self, recorded: &Recorded<Event>, items: &mut Items<Key, Row>) {
        backlog::fold(recorded, items);
    }

    fn act(self: Arc<Self>, key: &Key, items: &mut Items<Key, Row>) -> Option<Action> {
        let (Key::Project(project), Some(Row::Project(connected))) = (*key, items.get(key)) else { return None };
        let look_for = connected.look_for;
        let start = self.schedule.start(project, look_for, Instant::now());
        backlog::give_up(&start.given_up, items);
        let statuses = backlog::statuses(project, items);
        let pass = async move {
            let passed = self.pass(project, statuses, start).await;
            let failed = |cause| ActionError::new(format!("cannot update {project} at GitHub"), cause);
            Ok(Next::At(self.schedule.ended(project, look_for, passed.map_err(failed)?, &self.pace)))
        };
        Some(pass.boxed())
    }
}
