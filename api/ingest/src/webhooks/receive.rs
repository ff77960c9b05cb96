//! Receives one delivery.

use std::sync::Arc;

use api_http::problem::Problem;
use aws_lc_rs::hmac;
use axum::{
    Json,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use commands::refused_triggers::RefusedTriggers;
use domain::{
    delivery::{Command, Delivery, DeliveryGuid, Ignored, Outcome, Refusal, valid_hook_event},
    ids::{DeliveryId, ProjectId},
    project::{self, Trigger, TriggerRefused},
    recorded::Actor,
};
use event_log::execute::{Context, ExecuteError, Executor};
use projections::credentials::{Credentials, Webhook};
use serde::Serialize;

use super::{
    body::{self, DeliveriesMemory},
    judge::judge,
    payload,
    secrets::WebhookSecrets,
    signature,
};

/// The state of the handler.
#[derive(Clone)]
pub struct WebhooksState {
    /// Records deliveries.
    pub executor: Arc<Executor>,
    /// The connected projects.
    pub credentials: Credentials,
    /// The webhook secrets.
    pub secrets: WebhookSecrets,
    /// The memory limit of deliveries.
    pub memory: DeliveriesMemory,
    /// Counts refused deliveries.
    pub refused: RefusedTriggers,
}

/// The answer to GitHub about its delivery.
#[derive(Debug, Serialize)]
struct Answer {
    delivery: DeliveryGuid,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    /// The delivery was already received; this was the decision.
    repeated: bool,
}

/// A webhook with the key that signs its deliveries.
type Known = (Arc<Webhook>, Arc<hmac::Key>);

pub(super) async fn receive(
    State(state): State<WebhooksState>,
    Path(project): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let project = project.parse::<ProjectId>().ok();
    let headers = request.headers().clone();
    let body = body::read(&state.memory, request).await?;
    let known = known(&state, project).await?;
    // The payload is not parsed, and nothing is revealed about the project, before the signature is verified.
    let key = known.as_ref().map_or_else(|| state.secrets.nobodys(), |(_, key)| key);
    let signed = signature::is_of(key, &headers, &body.bytes);
    let (Some(project), Some((webhook, _)), true) = (project, &known, signed) else {
        if let (Some(project), Some(_)) = (project, &known) {
            state.refused.note(project, TriggerRefused::WrongSignature, state.executor.now());
        }
        return Err(Problem::NeedsSignature);
    };
    let (guid, hook_event) = names(&headers)?;
    let payload = payload::read(&headers, &body.bytes)?;
    let outcome = judge(webhook, &hook_event, &payload)?;
    let repository_id = payload.repository.map(|repository| repository.id);
    let command = Command::Receive { project, delivery: guid.clone(), hook_event, repository_id, outcome };
    let (outcome, repeated) = record(&state.executor, DeliveryId::named(project, &guid), command).await?;
    answer(guid, &outcome, repeated)
}

/// The project's webhook, if it is connected. Reads the disk only for the first delivery after a start or a roll.
async fn known(state: &WebhooksState, project: Option<ProjectId>) -> Result<Option<Known>, Problem> {
    let Some(webhook) = project.and_then(|project| state.credentials.webhook(project)) else { return Ok(None) };
    let key = state.secrets.key(webhook.secret).await.map_err(|error| Problem::Internal {
        action: "open the project's sealed webhook secret",
        source: error.into(),
    })?;
    Ok(Some((webhook, key)))
}

fn names(headers: &HeaderMap) -> Result<(DeliveryGuid, String), Problem> {
    let one = |name: &str| {
        let mut all = headers.get_all(name).iter();
        let (only, none) = (all.next(), all.next());
        only.filter(|_| none.is_none()).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let guid = one("x-github-delivery").parse();
    let guid = guid.map_err(|error| Problem::BadRequest(format!("X-GitHub-Delivery: {error}")))?;
    let hook_event = one("x-github-event");
    if !valid_hook_event(hook_event) {
        return Err(Problem::BadRequest(format!("X-GitHub-Event: {}", Refusal::HookEventInvalid)));
    }
    Ok((guid, hook_event.to_owned()))
}

/// Records the delivery unless it was already received. Returns the decision, or the earlier one.
async fn record(executor: &Executor, id: DeliveryId, command: Command) -> Result<(Outcome, bool), Problem> {
    let Command::Receive { outcome, .. } = command.clone();
    let executed = executor.execute::<Delivery>(id.0, command, &Context::of(Actor::GithubWebhook)).await;
    match executed {
        Ok(executed) if !executed.events.is_empty() => Ok((outcome, false)),
        Ok(_) => {
            let first = |delivery: &Delivery, _| delivery.outcome().cloned();
            Ok((executor.inspect::<Delivery, _>(id.0, first).await?.unwrap_or(outcome), true))
        }
        Err(ExecuteError::Refused(refusal @ Refusal::HookEventInvalid)) => {
            Err(Problem::BadRequest(refusal.to_string()))
        }
        Err(ExecuteError::Log(error)) => Err(error.into()),
    }
}

/// 202 if a release will follow, 409 if the project uses another trigger, otherwise 200.
fn answer(delivery: DeliveryGuid, outcome: &Outcome, repeated: bool) -> Result<Response, Problem> {
    let status = match outcome {
        Outcome::Ignored { reason: Ignored::OtherTrigger } => {
            let detail = project::Refusal::OtherTrigger(Trigger::ApiEndpoint).to_string();
            return Err(Problem::Conflict { code: "other_trigger", detail });
        }
        Outcome::Tag { .. } if !repeated => StatusCode::ACCEPTED,
        Outcome::Tag { .. } | Outcome::TagDeleted { .. } | Outcome::Ping | Outcome::Ignored { .. } => StatusCode::OK,
    };
    let tag = outcome.tag().map(ToString::to_string);
    Ok((status, Json(Answer { delivery, outcome: outcome.as_str(), tag, repeated })).into_response())
}
