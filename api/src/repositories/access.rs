//! The door of a repository: an access key, judged the same way whether or not the repository exists.

use std::sync::Arc;

use axum::http::HeaderMap;
use domain::{
    ids::{AccessKeyId, RepositoryId},
    names::{OrganisationName, RepositoryName},
    token::Token,
};
use uuid::Uuid;

use super::reads::{RepositoryReads, ServedRepository};
use crate::http::{basic, problem::Problem};

/// Someone who was let in.
pub struct Entered {
    /// Where.
    pub repository: Arc<ServedRepository>,
    /// With what.
    pub key: Token,
}

/// Lets the holder of an access key into the repository.
///
/// # Errors
/// `NeedsAccessKey`, for an unknown repository as for a wrong key, after the same work.
pub fn enter(
    reads: &dyn RepositoryReads,
    organisation: &str,
    repository: &str,
    headers: &HeaderMap,
) -> Result<Entered, Problem> {
    let key = basic::access_key(headers).ok_or(Problem::NeedsAccessKey)?;
    let names = organisation.parse::<OrganisationName>().ok().zip(repository.parse::<RepositoryName>().ok());
    let found = names.and_then(|(organisation, name)| reads.find(&organisation, &name));
    let id = found.as_ref().map_or(RepositoryId(Uuid::nil()), |repository| repository.id);
    let opens = reads.opens(id, AccessKeyId(key.id()), &key.secret_sha256());
    match found {
        Some(repository) if opens => Ok(Entered { repository, key }),
        _ => Err(Problem::NeedsAccessKey),
    }
}
