//! Looking at a project's tags now, instead of waiting for the schedule.

use std::sync::Arc;

use api_http::{auth::Operator, run_command::CommandRunner};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use commands::github::{Access, Trouble};
use domain::{error_chain::ErrorChain, ids::ProjectId};
use event_log::execute::Executor;

use crate::{
    error::{invalid, log_failed, with_code},
    parts::{TagQuestions, part},
};

#[derive(Default)]
pub(super) struct TagMutation;

/// A release of a tag that no delivery reported.
#[derive(SimpleObject)]
pub(super) struct ReconciledTag {
    /// The git tag.
    tag: String,
    /// The release that was asked for.
    release: ID,
}

#[Object]
impl TagMutation {
    /// Looks at the tags of a project that GitHub triggers, and releases those that no delivery reported, each once. Tags
    /// that were there before the project was connected, and those whose release failed, are left alone.
    async fn reconcile_tags(&self, ctx: &Context<'_>, project: ID) -> Result<Vec<ReconciledTag>> {
        let project: ProjectId = project.parse().map_err(invalid)?;
        // Each look may be a process and a connection.
        let Ok(_permit) = part::<TagQuestions>(ctx).0.try_acquire() else {
            return Err(with_code(
                "busy",
                "too many requests for the tags of Git repositories are running: try again in a few seconds",
            ));
        };
        let context = part::<Operator>(ctx).context().await;
        let found = part::<Arc<Access>>(ctx).reconcile(project, &context).await.map_err(reported)?;
        let head = part::<Arc<Executor>>(ctx).store().head().await.map_err(log_failed)?;
        part::<CommandRunner>(ctx).dashboards_show(head).await;
        Ok(found
            .into_iter()
            .map(|found| ReconciledTag { tag: found.tag.to_string(), release: found.release.into() })
            .collect())
    }
}

fn reported(trouble: Trouble) -> async_graphql::Error {
    match trouble {
        Trouble::Refused(refusal) => with_code("refused", refusal),
        Trouble::Log(error) => log_failed(error),
        trouble => {
            tracing::warn!(error = %ErrorChain(&trouble), "cannot read the tags of the project's Git repository");
            with_code(trouble.code(), &trouble)
        }
    }
}
