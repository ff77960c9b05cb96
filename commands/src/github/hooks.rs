//! `/repos/{owner}/{name}/hooks`: the webhooks of a repository.

use domain::project::GithubName;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{GithubError, Session, client::Call};

/// What a hook is called for: a tag arrives as one of these, or as several.
pub(crate) const HOOK_EVENTS: [&str; 3] = ["create", "push", "release"];

/// A webhook of a repository. GitHub never shows its secret again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its number.
    pub id: u64,
    /// Where it delivers to; none for the kinds that are no webhooks.
    pub url: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
    #[serde(default)]
    config: Config,
}

#[derive(Default, Deserialize)]
struct Config {
    url: Option<String>,
}

impl From<Listed> for Hook {
    fn from(listed: Listed) -> Self {
        Self { id: listed.id, url: listed.config.url }
    }
}

impl Session {
    /// All webhooks of a repository.
    ///
    /// # Errors
    /// See [`GithubError`].
    pub async fn hooks(&self, repository: &GithubName) -> Result<Vec<Hook>, GithubError> {
        let listed: Vec<Listed> = self.list("list of webhooks", self.root.repository(repository, ["hooks"])).await?;
        Ok(listed.into_iter().map(Hook::from).collect())
    }

    /// Makes a webhook that delivers tags to `url`, signed with `secret`.
    ///
    /// # Errors
    /// See [`GithubError`]. `Unreachable` and `Timeout`: it may have been made.
    pub async fn create_hook(&self, repository: &GithubName, url: &str, secret: &str) -> Result<Hook, GithubError> {
        let body = json!({
            "name": "web",
            "active": true,
            "events": HOOK_EVENTS,
            "config": { "url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0" },
        });
        let url = self.root.repository(repository, ["hooks"]);
        let call = Call { what: "repository", method: Method::POST, url, body: Some(body), hidden: Some(secret) };
        Ok(self.call::<Listed>(call).await?.into())
    }

    /// Removes a webhook.
    ///
    /// # Errors
    /// See [`GithubError`]. `NotFound`: it is gone, or the token may not remove it; the list tells which.
    pub(crate) async fn delete_hook(&self, repository: &GithubName, id: u64) -> Result<(), GithubError> {
        let url = self.root.repository(repository, ["hooks", &id.to_string()]);
        self.tell(Call { what: "webhook", method: Method::DELETE, url, body: None, hidden: None }).await
    }
}
