//! `key/{epoch}/…` in a YUM repository: the same files, and the signature of the key that the client knows.
//!
//! dnf checks only the first signature of a `repomd.xml.asc`, zypper only the last, so a file with several would fail for one of them.
//! Therefore each signing key has a separate `repomd.xml.asc`, and the client's URL says which key it knows. If that key does not sign
//! at the moment, the client gets the default: the oldest signing key's signature.

#[cfg(test)]
mod tests;

use std::fmt;

use api_http::problem::Problem;
use domain::{ids::RepositoryId, repository::PointInTime, signing_key::EPOCHS_MAX};
use index::{Located, Repositories};

const SIGNATURE: &str = "repodata/repomd.xml.asc";

/// The number of the signing key that a client knows, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u32);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key/{}/", self.0)
    }
}

/// `key/{epoch}/{path}` and `{path}`. An epoch has one spelling, so that a file has one address for each key.
pub(super) fn split(path: &str) -> Result<(Option<Epoch>, &str), Problem> {
    let Some(rest) = path.strip_prefix("key/") else { return Ok((None, path)) };
    let (epoch, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let number = epoch.parse().ok().filter(|number| (1..=EPOCHS_MAX).contains(number) && number.to_string() == epoch);
    match number {
        Some(number) => Ok((Some(Epoch(number)), rest)),
        None => Err(Problem::NotFound(format!(
            "\"{epoch}\" is not the number of a signing key: expected 1 to {EPOCHS_MAX}"
        ))),
    }
}

/// The file called `name`; of the signatures, the one that a client of this epoch can check.
pub(super) async fn locate(
    repositories: &Repositories,
    repository: RepositoryId,
    point: &PointInTime,
    epoch: Option<Epoch>,
    name: &str,
) -> Result<Option<Located>, Problem> {
    if let (Some(epoch), SIGNATURE) = (epoch, name)
        && let Some(own) = repositories.locate(repository, point, &format!("{epoch}{SIGNATURE}")).await?
    {
        return Ok(Some(own));
    }
    Ok(repositories.locate(repository, point, name).await?)
}
