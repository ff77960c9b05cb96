//! The steps of the worker for GitHub, and the states that it reports there.

use serde::{Deserialize, Serialize};

/// One thing that is done at GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GithubStep {
    /// Ask for the code repository.
    FindRepository,
    /// Make a webhook.
    RegisterWebhook,
    /// Remove one whose secret is dead.
    RemoveWebhook,
    /// Install the public key as a deploy key with read access.
    InstallDeployKey,
    /// Take it away.
    RemoveDeployKey,
    /// Report the state of a commit's release.
    ReportCommitStatus,
    /// Look for tags that no delivery reported.
    ListTags,
}

impl GithubStep {
    /// The name in rows, JSON and logs: `register_webhook`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FindRepository => "find_repository",
            Self::RegisterWebhook => "register_webhook",
            Self::RemoveWebhook => "remove_webhook",
            Self::InstallDeployKey => "install_deploy_key",
            Self::RemoveDeployKey => "remove_deploy_key",
            Self::ReportCommitStatus => "report_commit_status",
            Self::ListTags => "list_tags",
        }
    }
}

/// What GitHub shows at a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitState {
    /// Its release is in progress.
    Pending,
    /// Its packages can be installed.
    Success,
    /// Its release failed.
    Failure,
    /// Its release was cancelled.
    Error,
}

impl CommitState {
    /// GitHub's name for it.
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
