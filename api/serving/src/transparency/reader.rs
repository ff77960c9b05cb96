//! Authorizes readers of the logs: an organisation's log with any of its keys or tokens, the server's log only as an operator.

use api_http::{
    auth::{Authenticator, Operator, Reader},
    basic,
    path::organisation_of_path,
    problem::Problem,
};
use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
};
use domain::{
    checkpoint::LogName,
    ids::{AccessKeyId, OrganisationId},
    names::OrganisationName,
};
use projections::dashboard::{Dashboard, PAGE_MAX};
use signing::log_signer::LogSigner;

/// A log that the client may read.
pub(super) struct ReadableLog {
    pub(super) name: LogName,
    /// Its name in checkpoints.
    pub(super) origin: String,
}

/// The log of every event.
pub(super) struct ServerLog(ReadableLog);

/// The log of the organisation that the path names first.
pub(super) struct TenantLog(ReadableLog);

impl From<ServerLog> for ReadableLog {
    fn from(ServerLog(log): ServerLog) -> Self {
        log
    }
}

impl From<TenantLog> for ReadableLog {
    fn from(TenantLog(log): TenantLog) -> Self {
        log
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ServerLog
where
    Authenticator: FromRef<S>,
    LogSigner: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Operator::from_request_parts(parts, state).await?;
        Ok(Self(ReadableLog { name: LogName::Server, origin: LogSigner::from_ref(state).origin(None) }))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for TenantLog
where
    Authenticator: FromRef<S>,
    Dashboard: FromRef<S>,
    LogSigner: FromRef<S>,
{
    type Rejection = Problem;

    /// The response is the same for an organisation that does not exist and one that the key does not belong to.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let organisation = organisation_of_path(parts, state).await?.ok_or(Problem::NeedsToken)?;
        if !may_read(parts, state, &organisation).await? {
            return Err(Problem::NeedsToken);
        }
        let name = LogName::Organisation(OrganisationId::named(&organisation));
        Ok(Self(ReadableLog { name, origin: LogSigner::from_ref(state).origin(Some(&organisation)) }))
    }
}

async fn may_read<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    organisation: &OrganisationName,
) -> Result<bool, Problem>
where
    Authenticator: FromRef<S>,
    Dashboard: FromRef<S>,
{
    let dashboard = Dashboard::from_ref(state);
    if let Some(key) = basic::access_key(&parts.headers) {
        let id = AccessKeyId(key.id());
        let Authenticator { credentials, clock, .. } = Authenticator::from_ref(state);
        let (presented, now) = (key.secret_sha256(), clock());
        let mut offset = 0;
        loop {
            let page = dashboard.repositories(Some(organisation), offset, PAGE_MAX).await?;
            if page.iter().any(|repository| credentials.pass(repository.id, id, &presented, now).is_some()) {
                return Ok(true);
            }
            offset += PAGE_MAX;
            if page.len() < PAGE_MAX as usize {
                return Ok(false);
            }
        }
    }
    match Reader::from_request_parts(parts, state).await? {
        Reader::Operator => Ok(true),
        Reader::Project(project) => {
            let project = dashboard.project(project).await?;
            Ok(project.is_some_and(|project| project.organisation == organisation.as_str()))
        }
    }
}
