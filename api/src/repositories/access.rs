//! The door of a repository: an access key, judged the same way whether or not the repository exists.

use std::sync::Arc;

use axum::http::HeaderMap;
use domain::{
    ids::{AccessKeyId, RepositoryId},
    keyring::KeyKind,
    names::{OrganisationName, RepositoryName},
    token::Token,
};
use projections::credentials::{Pass, Standing};
use uuid::Uuid;

use super::reads::{RepositoryReads, ServedRepository};
use crate::http::{basic, problem::Problem};

/// Someone who was let in.
pub struct Entered {
    /// Where.
    pub repository: Arc<ServedRepository>,
    /// With what.
    pub key: Token,
    /// What the key is for.
    pub pass: Pass,
}

/// Lets the holder of an access key to the repository's packages. An enrolment key lets machines enrol, and is nobody's
/// key to packages.
///
/// # Errors
/// As [`enter`].
pub fn enter_packages(
    reads: &dyn RepositoryReads,
    organisation: &str,
    repository: &str,
    headers: &HeaderMap,
) -> Result<Entered, Problem> {
    let entered = enter(reads, organisation, repository, headers)?;
    match entered.pass.kind {
        KeyKind::Shared | KeyKind::Machine => Ok(entered),
        KeyKind::Enrolment => Err(Problem::NeedsAccessKey),
    }
}

/// Lets the holder of any access key into the repository.
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
    let pass = reads.pass(id, AccessKeyId(key.id()), &key.secret_sha256());
    let (Some(repository), Some(pass)) = (found, pass) else { return Err(Problem::NeedsAccessKey) };
    if pass.standing == Standing::NeverUsed {
        reads.moved(id, AccessKeyId(key.id()));
    }
    Ok(Entered { repository, key, pass })
}
