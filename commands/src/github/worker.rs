//! The worker that makes GitHub be as the projects' events want it: a webhook with the live secret and no other, a deploy
//! key, a mark beside each released commit; and that looks for the tags which no delivery told of.
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
    error_chain::ErrorChain,
    ids::{ProjectId, ReleaseId},
    recorded::Position,
};
use event_log::event_store::{Filter, Follower};
use tokio::{task::JoinSet, time::Instant};
use tracing::error;

use self::{backlog::Backlog, pass::Passed, schedule::Schedule};
use super::Access;

/// The name under which the worker acts.
const WORKER: &str = "github";
/// Most projects that are looked after at the same time: one GitHub that hangs holds up one of them.
const AT_ONCE_MAX: usize = 8;
/// How long to wait before the log is asked again.
const LOG_RETRY_AFTER: Duration = Duration::from_secs(2);

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
    pub access: Arc<Access>,
    /// Who we are, to GitHub.
    pub addresses: Addresses,
    /// How often things are tried.
    pub pace: Pace,
}

impl GithubWorker {
    /// Follows the log for ever. Dropping the future leaves GitHub as it is; the next start looks at everything anew.
    pub async fn run(self: Arc<Self>) {
        let store = self.access.executor.store().clone();
        let mut follower = Follower::new(store, Position(0), Filter::names(Backlog::EVENT_NAMES));
        let (mut backlog, mut schedule) = (Backlog::default(), Schedule::default());
        let mut passes: JoinSet<Passed> = JoinSet::new();
        let mut has_caught_up = false;
        loop {
            let may_start = has_caught_up && passes.len() < AT_ONCE_MAX;
            let due = schedule.earliest().filter(|_| may_start);
            tokio::select! {
                page = follower.next_page() => match page {
                    Ok(page) => {
                        for recorded in page.events {
                            if let Some((project, touch)) = backlog.fold(&recorded) {
                                schedule.touch(project, touch, Instant::now());
                            }
                        }
                        // Before the end of the log, what looks undone may well be done.
                        has_caught_up |= page.next >= page.head;
                    }
                    Err(cause) => {
                        error!(error = %ErrorChain(&cause), "cannot follow the log");
                        tokio::time::sleep(LOG_RETRY_AFTER).await;
                    }
                },
                Some(ended) = passes.join_next_with_id() => match ended {
                    Ok((id, mut passed)) => {
                        backlog.give_up(std::mem::take(&mut passed.given_up));
                        schedule.ended(id, Some(passed), &self.pace);
                    }
                    Err(cause) => {
                        error!(error = %ErrorChain(&cause), "a look at GitHub broke off");
                        schedule.ended(cause.id(), None, &self.pace);
                    }
                },
                () = sleep_until(due) => {
                    if let Some((project, start)) = schedule.start(Instant::now()) {
                        let (worker, statuses) = (self.clone(), backlog.statuses(project));
                        let pass = passes.spawn(async move { worker.pass(project, statuses, start).await });
                        schedule.started(project, pass.id());
                    }
                }
            }
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
