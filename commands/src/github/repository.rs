//! `GET /repos/{owner}/{name}`: which repository has that name now.

use domain::project::GithubName;
use reqwest::Method;
use serde::Deserialize;

use super::{GithubError, Session, client::Call};

/// A repository as GitHub tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RepositoryFacts {
    /// What it is known by for ever.
    pub id: u64,
    /// What it is called now.
    pub full_name: String,
    /// Where it is cloned from with a deploy key.
    pub ssh_url: String,
    /// Where it is cloned from without one.
    pub clone_url: String,
}

impl Session {
    /// The repository of that name. A renamed one is found by its old name until another repository takes it.
    ///
    /// # Errors
    /// See [`GithubError`].
    pub async fn repository(&self, name: &GithubName) -> Result<RepositoryFacts, GithubError> {
        let url = self.root.repository(name, []);
        self.call(Call { what: "repository", method: Method::GET, url, body: None, hidden: None }).await
    }
}
