//! `/repos/{owner}/{name}/keys`: the ssh keys that may read a repository.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{FullName, GithubError, Session, client::Call, hooks::gone_is_fine};

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
    pub async fn deploy_keys(&self, repository: &FullName) -> Result<Vec<DeployKeyEntry>, GithubError> {
        self.list("list of deploy keys", repository.url(&self.api, ["keys"])).await
    }

    /// Lets the holder of the private half of `public_key` (`ssh-ed25519 AAAA…`) read the repository, and only that.
    ///
    /// # Errors
    /// See [`GithubError`]. `Unreachable` and `Timeout`: it may have been made.
    pub async fn create_deploy_key(
        &self,
        repository: &FullName,
        title: &str,
        public_key: &str,
    ) -> Result<DeployKeyEntry, GithubError> {
        let body = json!({ "title": title, "key": public_key, "read_only": true });
        let url = repository.url(&self.api, ["keys"]);
        self.call(Call { what: "repository", method: Method::POST, url, body: Some(body), hidden: None }).await
    }

    /// Removes a deploy key. Fine if it is gone already.
    ///
    /// # Errors
    /// See [`GithubError`].
    pub async fn delete_deploy_key(&self, repository: &FullName, id: u64) -> Result<(), GithubError> {
        let url = repository.url(&self.api, ["keys", &id.to_string()]);
        gone_is_fine(
            self.tell(Call { what: "deploy key", method: Method::DELETE, url, body: None, hidden: None }).await,
        )
    }
}
