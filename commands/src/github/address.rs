//! Addresses at GitHub: below the root of its API, and below one repository.

#[cfg(test)]
mod tests;

use domain::project::{ApiUrl, GithubName};
use url::Url;

use super::GithubError;

/// The root of a GitHub's REST API: `https://api.github.com`, `https://github.example.org/api/v3`.
///
/// That a token reaches it over https, or leaves this machine not at all, is a rule of [`ApiUrl`].
#[derive(Debug, Clone)]
pub(super) struct Root(Url);

impl Root {
    pub(super) fn of(api: &ApiUrl) -> Result<Self, GithubError> {
        let url = Url::parse(api.as_str()).ok().filter(|url| !url.cannot_be_a_base());
        url.map(Self).ok_or(GithubError::NotUnderstood("address of its API"))
    }

    /// The address of `path` below a repository. Each part is one path segment, whatever it holds.
    pub(super) fn repository<'a>(&self, name: &'a GithubName, path: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        let parts = ["repos"].into_iter().chain(name.as_str().split('/')).chain(path);
        url.path_segments_mut().expect("it can be a base").pop_if_empty().extend(parts);
        url
    }

    /// Whether `other` is answered by the same server, so that it may be shown the token.
    pub(super) fn is_at(&self, other: &Url) -> bool {
        self.0.origin() == other.origin()
    }
}
