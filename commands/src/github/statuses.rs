//! `POST /repos/{owner}/{name}/statuses/{commit}`: the mark beside a commit.

use domain::project::CommitId;
use reqwest::Method;
use serde_json::json;

use super::{FullName, GithubError, Session, client::Call};

/// Longest description that GitHub shows.
pub const DESCRIPTION_MAX_CHARS: usize = 140;
/// Whose mark it is: a commit has one for each context.
const CONTEXT: &str = "pkgdeploy";

/// What a mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommitState {
    /// A release of the commit is on its way.
    Pending,
    /// Its packages can be installed.
    Success,
    /// Its release failed.
    Failure,
    /// Its release was stopped, or failed for no fault of the commit.
    Error,
}

impl CommitState {
    /// GitHub's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }
}

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
    pub async fn create_status(
        &self,
        repository: &FullName,
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
        let url = repository.url(&self.api, ["statuses", commit.as_str()]);
        self.tell(Call { what: "commit", method: Method::POST, url, body: Some(body), hidden: None }).await
    }
}
