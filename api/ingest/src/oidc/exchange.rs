//! Exchanges an identity token for an API token.

use std::sync::Arc;

use api_http::{problem::Problem, public_url::PublicUrl, tokens};
use axum::{Json, extract::State, http::header, response::IntoResponse};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use commands::refused_triggers::RefusedTriggers;
use domain::{
    ci_proof::{self, CiProof},
    error_chain::ErrorChain,
    ids::{CiProofId, ProjectId, TokenId},
    project::{self, CI_TOKEN_LIFETIME, CiJob, CiTrust, Command, NewApiToken, Project, Scopes, TriggerRefused},
    recorded::Actor,
    token::TokenKind,
};
use event_log::execute::{Context, ExecuteError, Executor};
use projections::{
    credentials::{CREDENTIALS, Credentials},
    runner::Progress,
};
use serde::{Deserialize, Serialize};

use super::{
    claims::Claims,
    issuer::{CiIssuer, ProofError},
};
use crate::releases::RequestRates;

/// The time to retry while the issuer's keys cannot be downloaded.
const KEYS_RETRY_SECONDS: u32 = 60;
/// The name of these API tokens.
const TOKEN_NAME: &str = "ci-job";

/// The state of the handler.
#[derive(Clone)]
pub struct ExchangeState {
    /// Verifies identity tokens.
    pub issuer: Arc<CiIssuer>,
    /// Records used identity tokens and issued API tokens.
    pub executor: Arc<Executor>,
    /// The projects.
    pub credentials: Credentials,
    /// The progress of the read models, from which the token is accepted.
    pub progress: Progress,
    /// Counts the requests for each project.
    pub rates: RequestRates,
    /// Counts refused identity tokens.
    pub refused: RefusedTriggers,
    /// The expected audience, unless a project sets another.
    pub public_url: PublicUrl,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    project: ProjectId,
    token: String,
}

#[derive(Serialize)]
struct Answer {
    token: String,
    expires_at: String,
}

pub(super) async fn exchange(State(state): State<ExchangeState>, body: Bytes) -> Result<impl IntoResponse, Problem> {
    let Body { project, token: proof } = read(&body)?;
    let trust = |project: &Project, _| project.added().and_then(|added| added.ci_trust.clone());
    // A project that trusts no jobs is answered like one that does not exist: with the same work, and the same words.
    let known = state.credentials.has_project(project);
    let trust = if known { state.executor.inspect::<Project, _>(project.0, trust).await? } else { None };
    let now = state.executor.now();
    let refused = |why: &str| {
        if known {
            tracing::info!(project.id = %project, "refused an identity token of a CI job for {project}: {why}");
            state.refused.note(project, TriggerRefused::WrongCiProof, now);
        }
        Problem::NeedsCiProof
    };
    let claims = match state.issuer.claims(&proof).await {
        Ok(claims) => claims,
        Err(error @ ProofError::NotGenuine(_)) => return Err(refused(&ErrorChain(&error).to_string())),
        Err(error @ ProofError::NoKeys(_)) => {
            tracing::warn!(error = %ErrorChain(&error), "cannot check the identity token of a CI job");
            return Err(Problem::Unavailable {
                what: "the identity key set (JWKS) of the CI system cannot be fetched: try again later",
                retry_after_seconds: KEYS_RETRY_SECONDS,
            });
        }
    };
    let id = CiProofId::named(&claims.iss, &claims.jti);
    let job = job(&state.public_url, claims, trust.as_ref(), now)
        .ok_or_else(|| refused("the project does not trust this job"))?;
    // Only trusted jobs are counted, or anyone could use up their limit.
    if let Err(retry_after_seconds) = state.rates.count(project.0) {
        state.refused.note(project, TriggerRefused::TooMany, now);
        return Err(Problem::TooManyRequests { retry_after_seconds });
    }
    let (token, expires_at) = issue(&state, project, id, job, now).await.map_err(|error| match error {
        NotIssued::Spent => refused("it was already used"),
        NotIssued::Other(problem) => problem,
    })?;
    let answer = Answer { token, expires_at: expires_at.to_rfc3339_opts(SecondsFormat::Secs, true) };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

fn read(body: &[u8]) -> Result<Body, Problem> {
    // The error's own message could repeat a part of the identity token.
    serde_json::from_slice(body).map_err(|error| {
        let detail = r#"expected {"project": "<id>", "token": "<the identity token>"}"#.to_owned();
        match error.classify() {
            serde_json::error::Category::Data => {
                let detail = format!("the request body has other fields: {detail}");
                Problem::Unprocessable { code: "body_invalid", detail }
            }
            _ => Problem::BadRequest(format!("the request body is not valid JSON: {detail}")),
        }
    })
}

fn job(public_url: &PublicUrl, claims: Claims, trust: Option<&CiTrust>, at: DateTime<Utc>) -> Option<CiJob> {
    let trust = trust?;
    let audience = trust.audience.as_deref().unwrap_or_else(|| public_url.as_str());
    claims.job(trust, audience, at)
}

enum NotIssued {
    Spent,
    Other(Problem),
}

impl<E: Into<Problem>> From<E> for NotIssued {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Records the identity token as used, then issues the API token. If the server stops in between, the job needs a new identity token.
async fn issue(
    state: &ExchangeState,
    project: ProjectId,
    id: CiProofId,
    job: CiJob,
    at: DateTime<Utc>,
) -> Result<(String, DateTime<Utc>), NotIssued> {
    let token = tokens::issue(TokenKind::Api);
    let (token_id, secret_sha256) = (TokenId(token.id()), token.secret_sha256());
    let context = Context::of(Actor::CiJob { repository_id: job.repository_id });
    let issuer = state.issuer.url.to_string();
    let spend = ci_proof::Command::Spend { issuer, project, job: job.clone(), token: token_id };
    match state.executor.execute::<CiProof>(id.0, spend, &context).await {
        Ok(_) => {}
        Err(ExecuteError::Refused(ci_proof::Refusal::SpentBefore)) => return Err(NotIssued::Spent),
        Err(ExecuteError::Log(error)) => return Err(error.into()),
    }
    let expires_at = at + CI_TOKEN_LIFETIME;
    let new = NewApiToken {
        token: token_id,
        secret_sha256,
        name: Some(TOKEN_NAME.parse().expect("a token's name")),
        scopes: Scopes::release(),
        expires_at: Some(expires_at),
        job: Some(job),
    };
    let issued = state.executor.execute::<Project>(project.0, Command::IssueApiToken { new, at }, &context).await;
    let issued = issued.map_err(|error| match error {
        ExecuteError::Refused(refusal @ project::Refusal::TooManyCiTokens) => {
            Problem::Conflict { code: "too_many_ci_tokens", detail: refusal.to_string() }
        }
        ExecuteError::Refused(refusal) => Problem::Conflict { code: "refused", detail: refusal.to_string() },
        ExecuteError::Log(error) => error.into(),
    })?;
    if let Some(position) = issued.position {
        let shown = state.progress.wait_for_projector(CREDENTIALS, position).await;
        shown.map_err(|error| Problem::Internal {
            action: "make the new API token work, which is recorded",
            source: error.into(),
        })?;
    }
    Ok((token.text(), expires_at))
}
