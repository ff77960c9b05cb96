//! `POST /api/v1/projects/{project}/releases`: release a tag.

use std::sync::Arc;

use api_http::{auth::ProjectToken, problem::Problem};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use commands::refused_triggers::RefusedTriggers;
use domain::{
    ids::{ProjectId, ReleaseId},
    names::TagName,
    project::{Command, Project, Refusal, Trigger, TriggerRefused},
    version::ReleaseVersion,
};
use event_log::execute::{Context, ExecuteError, Executor};
use projections::credentials::Credentials;
use serde::Deserialize;
use uuid::Uuid;

use super::{ReleasesState, rate::RequestRates, tags::TagSource, wait::Wait};

/// Accepts triggers.
#[derive(Clone)]
pub struct Triggers {
    /// Records the requested releases.
    pub executor: Arc<Executor>,
    /// The projects.
    pub credentials: Credentials,
    /// Counts the requests of each token.
    pub rates: RequestRates,
    /// Counts refused triggers.
    pub refused: RefusedTriggers,
    /// The tags of code repositories.
    pub tags: TagSource,
}

/// The request: a tag by its name, or the tag of a version.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    tag: Option<String>,
    version: Option<String>,
}

pub(super) async fn trigger(
    State(ReleasesState { triggers, ends, answers, .. }): State<ReleasesState>,
    caller: Result<ProjectToken, Problem>,
    Path(project): Path<String>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let caller = triggers.allowed(caller, project.parse().ok()).await?;
    let wait = wait.duration()?;
    let wanted = tags_asked_for(&body)?;
    let idempotency_key = idempotency_key(&headers)?;
    let (release, status) = match triggers.known(caller.project, idempotency_key.as_deref(), &wanted).await? {
        Some(release) => (release, StatusCode::OK),
        None => triggers.accept(caller, wanted, idempotency_key).await?,
    };
    ends.wait_for(release, wait).await?;
    Ok((status, Json(answers.find(release).await?)).into_response())
}

impl Triggers {
    /// Authenticates a client that may request releases of this project. Refusals are counted and shown on the project's page.
    async fn allowed(
        &self,
        caller: Result<ProjectToken, Problem>,
        project: Option<ProjectId>,
    ) -> Result<ProjectToken, Problem> {
        let refused = |project, reason| self.refused.note(project, reason, self.executor.now());
        // The response is the same for another project's token, whether this project exists or not.
        let caller = match caller {
            Ok(caller) if Some(caller.project) == project => caller,
            Ok(_) | Err(_) => {
                if let Some(project) = project.filter(|project| self.credentials.has_project(*project)) {
                    refused(project, TriggerRefused::WrongToken);
                }
                return Err(Problem::NeedsToken);
            }
        };
        if let Err(retry_after_seconds) = self.rates.count(caller.token.0) {
            refused(caller.project, TriggerRefused::TooMany);
            return Err(Problem::TooManyRequests { retry_after_seconds });
        }
        let chosen = |project: &Project, _| project.added().map(|added| added.trigger);
        match self.executor.inspect::<Project, _>(caller.project.0, chosen).await? {
            Some(other @ Trigger::GithubWebhook) => {
                refused(caller.project, TriggerRefused::OtherTrigger);
                Err(Problem::Conflict { code: "other_trigger", detail: Refusal::OtherTrigger(other).to_string() })
            }
            Some(Trigger::ApiEndpoint) | None => Ok(caller),
        }
    }

    /// The release that this `Idempotency-Key` led to. Needs no code repository: a retry works while that is away.
    async fn known(
        &self,
        project: ProjectId,
        key: Option<&str>,
        wanted: &[TagName],
    ) -> Result<Option<ReleaseId>, Problem> {
        let Some(key) = key else { return Ok(None) };
        let known = self.executor.inspect::<Project, _>(project.0, |project, _| project.release_of_key(key)).await?;
        match known {
            Some((tag, _)) if !wanted.contains(&tag) => {
                let detail = Refusal::IdempotencyKeyReused(tag).to_string();
                Err(Problem::Unprocessable { code: "idempotency_key_reused", detail })
            }
            known => Ok(known.map(|(_, release)| release)),
        }
    }

    async fn accept(
        &self,
        caller: ProjectToken,
        wanted: Vec<TagName>,
        idempotency_key: Option<String>,
    ) -> Result<(ReleaseId, StatusCode), Problem> {
        let tag = self.tags.existing(caller.project, wanted).await?;
        let version = ReleaseVersion::from_tag(&tag).map_err(|error| Problem::Unprocessable {
            code: "tag_is_no_version",
            detail: format!("tag {tag}: {error}"),
        })?;
        let release = ReleaseId(Uuid::now_v7());
        let by = Trigger::ApiEndpoint;
        let command = Command::Trigger { tag, version, release, idempotency_key: idempotency_key.clone(), by };
        let context = Context::of(caller.actor());
        let executed = self.executor.execute::<Project>(caller.project.0, command, &context).await.map_err(refused)?;
        if executed.events.is_empty() {
            // The same key arrived twice at the same time, and the other one was first.
            let key = idempotency_key.unwrap_or_default();
            let first = |project: &Project, _| project.release_of_key(&key);
            let first = self.executor.inspect::<Project, _>(caller.project.0, first).await?;
            return Ok((first.map_or(release, |(_, release)| release), StatusCode::OK));
        }
        Ok((release, StatusCode::ACCEPTED))
    }
}

/// The names that the wanted tag may have, best first.
fn tags_asked_for(body: &[u8]) -> Result<Vec<TagName>, Problem> {
    let expected = r#"expected {"tag": "v1.2.3"} or {"version": "1.2.3"}"#;
    let unprocessable = |detail| Problem::Unprocessable { code: "body_invalid", detail };
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(unprocessable(format!("the request body is a list: {expected}")));
    }
    let body: Body = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            unprocessable(format!("the request body is not valid: {error}: {expected}"))
        }
        _ => Problem::BadRequest(format!("the request body is not valid JSON: {error}: {expected}")),
    })?;
    let names = match (body.tag, body.version) {
        (Some(tag), None) => vec![tag],
        (None, Some(version)) => vec![format!("v{version}"), version],
        _ => return Err(unprocessable(format!("the request body has both or neither of tag and version: {expected}"))),
    };
    names
        .into_iter()
        .map(|name| name.parse().map_err(|error: domain::names::InvalidName| unprocessable(error.to_string())))
        .collect()
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let invalid = || Problem::BadRequest(Refusal::IdempotencyKeyInvalid.to_string());
    let value = headers.get("idempotency-key").map(|value| value.to_str().map_err(|_| invalid()));
    Ok(value.transpose()?.map(str::to_owned))
}

fn refused(error: ExecuteError<Refusal>) -> Problem {
    let refusal = match error {
        ExecuteError::Refused(refusal) => refusal,
        ExecuteError::Log(error) => return error.into(),
    };
    let detail = refusal.to_string();
    match refusal {
        Refusal::OtherTrigger(_) => Problem::Conflict { code: "other_trigger", detail },
        Refusal::TagHasRelease { .. } => Problem::Conflict { code: "tag_has_release", detail },
        Refusal::IdempotencyKeyReused(_) => Problem::Unprocessable { code: "idempotency_key_reused", detail },
        Refusal::IdempotencyKeyInvalid => Problem::BadRequest(detail),
        Refusal::NameTaken => Problem::Conflict { code: "name_taken", detail },
        Refusal::Unknown => Problem::NotFound(detail),
        // Triggers are not refused for these reasons.
        Refusal::TagWasTried(_)
        | Refusal::PatternMismatch(_)
        | Refusal::ApiTokenNameTaken(_)
        | Refusal::TooManyApiTokens
        | Refusal::TooManyCiTokens
        | Refusal::NoSuchApiToken
        | Refusal::WhichApiToken
        | Refusal::ExpiryOver
        | Refusal::GraceOutOfBounds
        | Refusal::WebhookSecretMissing
        | Refusal::GithubNotConnected
        | Refusal::GithubConnected(_)
        | Refusal::AudienceInvalid
        | Refusal::CiRefPatternInvalid(_) => Problem::Conflict { code: "refused", detail },
    }
}
