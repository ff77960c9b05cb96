//! `POST /repos/{owner}/{name}/statuses/{commit}`: the mark beside a commit.

use domain::project::{CommitId, CommitState, GithubName};
use reqwest::Method;
use serde_json::json;

use super::{GithubError, Session, client::Call};

/// Longest description that GitHub shows.
pub(crate) const DESCRIPTION_MAX_CHARS: usize = 140;
/// Whose mark it is: a commit has one for each context.
const CONTEXT: &str = "pkgdeploy";

/// A mark beside a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// What it says.
    pub state: CommitState,
    /// In words; cut to [`DESCRIPTION_MAX_CHARS`].
    pub description: String,
    /// Where there is more to read.
    pub target_url: String,
}

impl Session {
    /// Puts a mark beside a commit. The newest one of our context is what people see.
    ///
    /// # Errors
    /// See [`GithubError`].
    pub(crate) async fn create_status(
        &self,
        repository: &GithubName,
        commit: &CommitId,
        status: &CommitStatus,
    ) -> Result<(), GithubError> {
        let description: String = status.description.chars().take(DESCRIPTION_MAX_CHARS).collect();
        let body = json!({
            "state": status.state.as_str(),
            "target_url": status.target_url,
            "description": description,
            "context": CONTEXT,
        });
        let url = self.root.repository(repository, ["statuses", commit.as_str()]);
        self.tell(Call { what: "commit", method: Method::POST, url, body: Some(body), hidden: None }).await
    }
}
