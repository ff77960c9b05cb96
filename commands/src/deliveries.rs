//! Deliveries: follows the log, and asks for the release of every tag that a webhook told of.
//!
//! Nothing here remembers what was done: a tag is done when its project says so. So a tag is released once however many
//! deliveries name it, and a delivery that was taken in is not lost when the process ends before it is acted on.

mod backlog;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use domain::{
    error_chain::ErrorChain,
    ids::{EventId, ProjectId, ReleaseId},
    names::TagName,
    project::{Command, Project, Trigger},
    recorded::Position,
    version::ReleaseVersion,
};
use event_log::{
    event_store::{Filter, Follower},
    execute::{Context, ExecuteError, Executor},
};
use tokio::time::{sleep, timeout};
use tracing::{error, info};
use uuid::Uuid;

use self::backlog::Backlog;

/// The name under which the worker acts.
const WORKER: &str = "deliveries";
/// How long to wait before trying again what the log did not take.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Turns deliveries into releases.
pub struct Deliveries {
    /// Where events are recorded.
    pub executor: Arc<Executor>,
}

impl Deliveries {
    /// Follows the log for ever.
    pub async fn run(self) {
        let mut follower =
            Follower::new(self.executor.store().clone(), Position(0), Filter::names(Backlog::EVENT_NAMES));
        let mut backlog = Backlog::default();
        let mut at_end = false;
        loop {
            let next = follower.next_page();
            // What the log did not take is tried again, whether the log goes on or not.
            let page =
                if at_end && !backlog.is_empty() { timeout(RETRY_AFTER, next).await.ok() } else { Some(next.await) };
            match page {
                Some(Ok(page)) => {
                    at_end = page.next >= page.head;
                    page.events.into_iter().for_each(|recorded| backlog.fold(recorded));
                }
                Some(Err(cause)) => {
                    error!(error = %ErrorChain(&cause), "cannot follow the log");
                    sleep(RETRY_AFTER).await;
                }
                None => {}
            }
            // Before the end of the log, a tag that looks unreleased may well have a release.
            if at_end {
                self.act(&mut backlog).await;
            }
        }
    }

    async fn act(&self, backlog: &mut Backlog) {
        for ((project, tag), because) in backlog.deleted() {
            let command = Command::RecordTagDeleted { tag: tag.clone() };
            if self.execute(project, &tag, command, because).await {
                backlog.deletion_is_known(&(project, tag));
            }
        }
        for ((project, tag), because) in backlog.wanted() {
            // The endpoint lets only versions through.
            let Ok(version) = ReleaseVersion::from_tag(&tag) else {
                backlog.is_done(&(project, tag));
                continue;
            };
            let (release, by) = (ReleaseId(Uuid::now_v7()), Trigger::GithubWebhook);
            let command = Command::Trigger { tag: tag.clone(), version, release, idempotency_key: None, by };
            if self.execute(project, &tag, command, because).await {
                backlog.is_done(&(project, tag));
            }
        }
    }

    /// Whether the project has answered, in whatever way.
    async fn execute(&self, project: ProjectId, tag: &TagName, command: Command, because: EventId) -> bool {
        let context = Context::of_worker(WORKER, Some(because));
        match self.executor.execute::<Project>(project.0, command, &context).await {
            Ok(_) => true,
            Err(ExecuteError::Refused(refusal)) => {
                info!(project.id = %project, tag = tag.as_str(), "a delivery changes nothing in {project}: {refusal}");
                true
            }
            Err(ExecuteError::Log(cause)) => {
                error!(project.id = %project, error = %ErrorChain(&cause), "cannot act on a delivery for {project}");
                false
            }
        }
    }
}
