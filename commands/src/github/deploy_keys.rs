//! `/repos/{owner}/{name}/keys`: the ssh keys that may read a repository.

use domain::project::GithubName;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{GithubError, Session, client::Call};

/// A deploy key of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeployKeyEntry {
    /// Its number.
    pub id: u64,
    /// What it is called.
    pub title: String,
}

impl Session {
    /// All deploy keys of a repository.
    ///
    /// # Errors
    /// See [`GithubError`].
    pub(crate) async fn deploy_keys(&self, repository: &GithubName) -> Result<Vec<DeployKeyEntry>, GithubError> {
        self.list("list of deploy keys", self.root.repository(repository, ["keys"])).await
    }

    /// Lets the holder of the private half of `public_key` (`ssh-ed25519 AAAA…`) read the repository, and only that.
    ///
    /// # Errors
    /// See [`GithubError`]. `Unreachable` and `Timeout`: it may have been made.
    pub(crate) async fn create_deploy_key(
        &self,
        repository: &GithubName,
        title: &str,
        public_key: &str,
    ) -> Result<DeployKeyEntry, GithubError> {
        let body = json!({ "title": title, "key": public_key, "read_only": true });
        let url = self.root.repository(repository, ["keys"]);
        self.call(Call { what: "repository", method: Method::POST, url, body: Some(body), hidden: None }).await
    }

    /// Removes a deploy key.
    ///
    /// # Errors
    /// See [`GithubError`]. `NotFound`: it is gone, or the token may not remove it; the list tells which.
    pub(crate) async fn delete_deploy_key(&self, repository: &GithubName, id: u64) -> Result<(), GithubError> {
        let url = self.root.repository(repository, ["keys", &id.to_string()]);
        self.tell(Call { what: "deploy key", method: Method::DELETE, url, body: None, hidden: None }).await
    }
}
