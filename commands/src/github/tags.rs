//! `GET /repos/{owner}/{name}/tags`: every tag there is.

use domain::{names::TagName, project::GithubName};
use serde::Deserialize;

use super::{GithubError, Session};

#[derive(Deserialize)]
struct Listed {
    name: String,
}

impl Session {
    /// All tags of a repository whose names can be released at all.
    ///
    /// # Errors
    /// See [`GithubError`]; `TooLong` beyond ten thousand.
    pub async fn tags(&self, repository: &GithubName) -> Result<Vec<TagName>, GithubError> {
        let listed: Vec<Listed> = self.list("list of tags", self.root.repository(repository, ["tags"])).await?;
        Ok(listed.into_iter().filter_map(|tag| tag.name.parse().ok()).collect())
    }
}
