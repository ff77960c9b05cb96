//! The tags of a project's code repository.

use std::sync::Arc;

use api_http::problem::Problem;
use building::source::Git;
use commands::github::source_key;
use domain::{
    error_chain::ErrorChain,
    ids::ProjectId,
    names::TagName,
    project::{GitUrl, Project, Refusal},
};
use event_log::execute::Executor;
use stores::secrets::Secrets;
use tokio::sync::Semaphore;

/// The maximum number of concurrent queries of code repositories. Each is a process.
pub const TAG_QUESTIONS_MAX: usize = 16;
/// The time to retry when too many queries are running.
const TAG_QUESTIONS_RETRY_SECONDS: u32 = 2;

/// Queries code repositories for tags.
#[derive(Clone)]
pub struct TagSource {
    /// The projects with their sources.
    pub executor: Arc<Executor>,
    /// The store of deploy keys.
    pub secrets: Arc<Secrets>,
    /// Runs the queries.
    pub git: Git,
    /// Limits concurrent queries.
    pub questions: Arc<Semaphore>,
}

impl TagSource {
    /// The first of `candidates` that the project's code repository has.
    pub(super) async fn existing(&self, project: ProjectId, candidates: Vec<TagName>) -> Result<TagName, Problem> {
        let source = self
            .executor
            .inspect::<Project, _>(project.0, |project, _| project.added().map(|added| added.source.clone()))
            .await?
            .ok_or_else(|| Problem::NotFound(Refusal::Unknown.to_string()))?;
        let url = GitUrl::parse(&source, self.git.allow_local)
            .map_err(|error| Problem::Conflict { code: "source_refused", detail: error.to_string() })?;
        // Each query is a process and a connection, so their number is limited.
        let Ok(_permit) = self.questions.try_acquire() else {
            return Err(Problem::TooManyRequests { retry_after_seconds: TAG_QUESTIONS_RETRY_SECONDS });
        };
        let key = source_key(&self.executor, &self.secrets, project).await;
        let key = key.map_err(|error| Problem::internal("use the project's deploy key")(error.into()))?;
        for tag in &candidates {
            match self.git.resolve_tag(&url, tag, key.as_ref()).await {
                Ok(Some(_)) => return Ok(tag.clone()),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(project.id = %project, error = %ErrorChain(&error), "cannot read the tags of the Git repository of {project}");
                    return Err(Problem::Unavailable {
                        what: "the project's Git repository does not answer: the server's log says why",
                        retry_after_seconds: 30,
                    });
                }
            }
        }
        let names: Vec<&str> = candidates.iter().map(TagName::as_str).collect();
        Err(Problem::NotFound(format!("the project's Git repository has no tag {}", names.join(" or "))))
    }
}
