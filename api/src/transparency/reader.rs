//! Who may read which log: an organisation's, with any key to something of it; the server's, the operator alone.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use domain::{
    checkpoint::LogName,
    ids::{AccessKeyId, OrganisationId},
    names::OrganisationName,
};
use projections::board::PAGE_MAX;

use crate::{
    app::App,
    auth::{Operator, Reader},
    http::{basic, problem::Problem},
};

/// A log that whoever asks may read.
pub(super) struct ReadableLog {
    pub(super) name: LogName,
    /// What it is called in checkpoints.
    pub(super) origin: String,
}

/// The log of every event.
pub(super) struct ServerLog(pub(super) ReadableLog);

/// The log of the organisation that the path names first.
pub(super) struct TenantLog(pub(super) ReadableLog);

impl FromRequestParts<App> for ServerLog {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Operator::from_request_parts(parts, app).await?;
        Ok(Self(ReadableLog { name: LogName::Server, origin: app.log_signer.origin(None) }))
    }
}

impl FromRequestParts<App> for TenantLog {
    type Rejection = Problem;

    /// An organisation that does not exist and one that the key is no key to are answered alike.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Path(names) = Path::<std::collections::HashMap<String, String>>::from_request_parts(parts, app)
            .await
            .map_err(|error| Problem::BadRequest(error.body_text()))?;
        let organisation = names.get("organisation").and_then(|name| name.parse::<OrganisationName>().ok());
        let organisation = organisation.ok_or(Problem::NeedsToken)?;
        if !may_read(parts, app, &organisation).await? {
            return Err(Problem::NeedsToken);
        }
        let name = LogName::Organisation(OrganisationId::named(&organisation));
        Ok(Self(ReadableLog { name, origin: app.log_signer.origin(Some(&organisation)) }))
    }
}

async fn may_read(parts: &mut Parts, app: &App, organisation: &OrganisationName) -> Result<bool, Problem> {
    if let Some(key) = basic::access_key(&parts.headers) {
        let id = AccessKeyId(key.id());
        let (presented, now) = (key.secret_sha256(), app.executor.now());
        let mut offset = 0;
        loop {
            let page = app.board.repositories(Some(organisation), offset, PAGE_MAX).await?;
            if page.iter().any(|repository| app.credentials.pass(repository.id, id, &presented, now).is_some()) {
                return Ok(true);
            }
            offset += PAGE_MAX;
            if page.len() < PAGE_MAX as usize {
                return Ok(false);
            }
        }
    }
    match Reader::from_request_parts(parts, app).await? {
        Reader::Operator => Ok(true),
        Reader::Project(project) => {
            let project = app.board.project(project).await?;
            Ok(project.is_some_and(|project| project.organisation == organisation.as_str()))
        }
    }
}
