//! Deliveries: asks for the release of every tag that a webhook reported.
//!
//! A tag is done when its project says so: the project knows which tags it has tried. So a tag is released once however many
//! deliveries name it, and a delivery that was taken in is not lost when the process ends before it is acted on.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use domain::{
    delivery::{self, Outcome},
    event::Event,
    ids::{EventId, ProjectId, ReleaseId},
    names::TagName,
    project::{self, Command, Project, Refusal, Trigger},
    recorded::Recorded,
    version::ReleaseVersion,
};
use futures::FutureExt as _;
use serde::{Deserialize, Serialize};
use tracing::info;
use uuid::Uuid;

use event_log::execute::{Context, ExecuteError, Executor, LogError};
use workers::{Action, ActionError, Items, Next, Spec, Worker};

/// The name under which the worker acts.
const WORKER: &str = "deliveries";
/// Projects that are asked at the same time.
const AT_ONCE_MAX: usize = 4;

/// Turns deliveries into releases.
pub struct Deliveries {
    /// Where events are recorded.
    pub executor: Arc<Executor>,
}

/// One tag of one project.
type Tag = (ProjectId, TagName);

/// What deliveries say of a tag, and which one said so. First the tag was deleted, then it was pushed again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<EventId>,
}

impl Worker for Deliveries {
    type Key = Tag;
    type Item = Reported;

    fn spec(&self) -> Spec {
        let events = ["delivery.received", "project.trigger_accepted", "project.tag_deleted"];
        Spec { at_once_max: AT_ONCE_MAX, ..Spec::following(WORKER, 1, events) }
    }

    fn fold(&self, recorded: &Recorded<Event>, items: &mut Items<Tag, Reported>) {
        let own = |tag: &TagName| (ProjectId(recorded.stream.id()), tag.clone());
        match &recorded.event {
            Event::Delivery(delivery::Event::Received { project, outcome, .. }) => match outcome {
                Outcome::Tag { tag } => {
                    let key = (*project, tag.clone());
                    let reported = items.get(&key).cloned().unwrap_or_default();
                    items.insert(key, Reported { wanted: reported.wanted.or(Some(recorded.event_id)), ..reported });
                }
                // What comes after it is another tag of the same name.
                Outcome::TagDeleted { tag } => {
                    items.insert((*project, tag.clone()), Reported { deleted: Some(recorded.event_id), wanted: None });
                }
                Outcome::Ping | Outcome::Ignored { .. } => {}
            },
            Event::Project(project::Event::TriggerAccepted { tag, .. }) => {
                items.remove(&own(tag));
            }
            Event::Project(project::Event::TagDeleted { tag }) => {
                let tag = own(tag);
                match items.get(&tag) {
                    Some(Reported { wanted: None, .. }) => drop(items.remove(&tag)),
                    _ => items.update(&tag, |reported| reported.deleted = None),
                }
            }
            _ => {}
        }
    }

    fn act(self: Arc<Self>, key: &Tag, items: &mut Items<Tag, Reported>) -> Option<Action> {
        let (tag, reported) = (key.clone(), items.get(key)?.clone());
        Some(async move { self.ask(tag, reported).await }.boxed())
    }
}

impl Deliveries {
    /// Done when the project has answered, in whatever way.
    async fn ask(&self, (project, tag): Tag, Reported { deleted, wanted }: Reported) -> Result<Next, ActionError> {
        let failed = |cause| ActionError::new(format!("cannot act on a delivery for {project}"), cause);
        if let Some(because) = deleted {
            self.execute(project, Command::RecordTagDeleted { tag: tag.clone() }, because).await.map_err(failed)?;
        }
        // The endpoint lets only versions through.
        if let (Some(because), Ok(version)) = (wanted, ReleaseVersion::from_tag(&tag)) {
            let (release, by) = (ReleaseId(Uuid::now_v7()), Trigger::GithubWebhook);
            let command = Command::Trigger { tag, version, release, idempotency_key: None, by };
            self.execute(project, command, because).await.map_err(failed)?;
        }
        Ok(Next::Done)
    }

    async fn execute(&self, project: ProjectId, command: Command, because: EventId) -> Result<(), LogError> {
        let context = Context::of_worker(WORKER, Some(because));
        match self.executor.execute::<Project>(project.0, command, &context).await {
            Ok(_) => Ok(()),
            // GitHub reports one tag up to three times.
            Err(ExecuteError::Refused(Refusal::TagHasRelease { .. } | Refusal::TagWasTried(_))) => Ok(()),
            Err(ExecuteError::Refused(refusal)) => {
                info!(project.id = %project, "a delivery changes nothing in {project}: {refusal}");
                Ok(())
            }
            Err(ExecuteError::Log(cause)) => Err(cause),
        }
    }
}
