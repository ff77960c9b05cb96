//! `POST /api/v1/projects/{project}/releases`: release a tag.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use commands::execute::{Context, ExecuteError};
use domain::{
    ids::{ProjectId, ReleaseId},
    names::TagName,
    project::{Command, GitUrl, Project, Refusal, Trigger},
    version::ReleaseVersion,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    ReleaseAnswer, row,
    wait::{self, Wait},
};
use crate::{app::App, auth::ProjectToken, http::problem::Problem};

/// What may be asked for: a tag by its name, or the tag of a version.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    tag: Option<String>,
    version: Option<String>,
}

pub(super) async fn trigger(
    State(app): State<App>,
    caller: ProjectToken,
    Path(project): Path<String>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    // Another project's token is no token here, whether the project exists or not.
    if project.parse() != Ok(caller.project) {
        return Err(Problem::NeedsToken);
    }
    let candidates = tags_asked_for(&body)?;
    let idempotency_key = idempotency_key(&headers)?;
    let tag = existing_tag(&app, caller.project, candidates).await?;
    let version = ReleaseVersion::from_tag(&tag)
        .map_err(|error| Problem::Unprocessable { code: "tag_is_no_version", detail: format!("tag {tag}: {error}") })?;
    let command = Command::Trigger {
        tag: tag.clone(),
        version,
        release: ReleaseId(Uuid::now_v7()),
        idempotency_key,
        by: Trigger::ApiEndpoint,
    };
    let context = Context::of(caller.actor());
    let executed = app.executor.execute::<Project>(caller.project.0, command, &context).await.map_err(refused)?;
    let release = app
        .executor
        .inspect::<Project, _>(caller.project.0, |project, _| project.release_of(&tag))
        .await
        .map_err(|error| Problem::internal("read the project")(error.into()))?;
    let release = release.ok_or_else(|| Problem::NotFound(format!("the release of tag {tag} has failed meanwhile")))?;
    wait::until_received(&app, release).await?;
    wait::until_ended(&app, release, wait.duration()?).await?;
    let row = row(&app, release).await?.ok_or_else(|| Problem::NotFound(format!("there is no release {release}")))?;
    let status = if executed.events.is_empty() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(ReleaseAnswer::of(row, &app).await?)).into_response())
}

/// The names that the wanted tag may have, best first.
fn tags_asked_for(body: &[u8]) -> Result<Vec<TagName>, Problem> {
    let expected = r#"expected {"tag": "v1.2.3"} or {"version": "1.2.3"}"#;
    let unprocessable = |detail| Problem::Unprocessable { code: "body_invalid", detail };
    let body: Body = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => unprocessable(format!("{error}; {expected}")),
        _ => Problem::BadRequest(format!("the body is no JSON: {error}; {expected}")),
    })?;
    let names = match (body.tag, body.version) {
        (Some(tag), None) => vec![tag],
        (None, Some(version)) => vec![format!("v{version}"), version],
        _ => return Err(unprocessable(format!("{expected}, one of them"))),
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

/// The first of `candidates` that the project's code repository has.
async fn existing_tag(app: &App, project: ProjectId, candidates: Vec<TagName>) -> Result<TagName, Problem> {
    let source = app
        .executor
        .inspect::<Project, _>(project.0, |project, _| match project {
            Project::Added { source, .. } => source.clone(),
            Project::Unknown => String::new(),
        })
        .await
        .map_err(|error| Problem::internal("read the project")(error.into()))?;
    let url = GitUrl::parse(&source, app.git.allow_local)
        .map_err(|error| Problem::Conflict { code: "source_refused", detail: error.to_string() })?;
    for tag in &candidates {
        match app.git.resolve_tag(&url, tag, None).await {
            Ok(Some(_)) => return Ok(tag.clone()),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(project.id = %project, %error, "cannot ask the code repository of {project}");
                return Err(Problem::Unavailable {
                    what: "the project's code repository does not answer",
                    retry_after_seconds: 30,
                });
            }
        }
    }
    let names: Vec<&str> = candidates.iter().map(TagName::as_str).collect();
    Err(Problem::NotFound(format!("the code repository has no tag {}", names.join(" or "))))
}

fn refused(error: ExecuteError<Refusal>) -> Problem {
    let refusal = match error {
        ExecuteError::Refused(refusal) => refusal,
        ExecuteError::Log(error) => return Problem::internal("record the trigger")(error.into()),
    };
    let detail = refusal.to_string();
    match refusal {
        Refusal::OtherTrigger(_) => Problem::Conflict { code: "other_trigger", detail },
        Refusal::TagHasRelease { .. } => Problem::Conflict { code: "tag_has_release", detail },
        Refusal::IdempotencyKeyReused(_) => Problem::Unprocessable { code: "idempotency_key_reused", detail },
        Refusal::IdempotencyKeyInvalid => Problem::BadRequest(detail),
        Refusal::NameTaken => Problem::Conflict { code: "name_taken", detail },
        Refusal::Unknown => Problem::NotFound(detail),
    }
}
