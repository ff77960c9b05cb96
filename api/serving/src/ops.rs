//! For the people who operate the server: `/healthz`, `/readyz`, `/metrics`.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{FromRef, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use commands::signing_keys::{SigningKeys, health};
use event_log::{event_store::EventStore, execute::Clock};
use metrics_exporter_prometheus::PrometheusHandle;
use projections::runner::Progress;
use serde_json::{Value, json};
use tokio::time::timeout;

/// How long `/readyz` waits for the read models.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(1);

/// The state of the handlers.
#[derive(Clone, FromRef)]
pub struct OpsState {
    /// The event log.
    pub store: Arc<dyn EventStore>,
    /// The progress of the read models.
    pub progress: Progress,
    /// The signing keys with their expiry.
    pub signing_keys: SigningKeys,
    /// The clock.
    pub clock: Clock,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
}

/// The routes.
pub fn routes(state: OpsState) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(render))
        .with_state(state)
}

/// 200 while the server works; 500 if a projection has stopped, with the reason, or if the signing key has expired.
async fn healthz(
    State(progress): State<Progress>,
    State(signing_keys): State<SigningKeys>,
    State(clock): State<Clock>,
) -> Response {
    let health = progress.health();
    let signing_keys = health::of(&signing_keys.now(), clock());
    let (status, word) = match health.is_good() {
        false => (StatusCode::INTERNAL_SERVER_ERROR, "stopped"),
        true if signing_keys.iter().any(|key| key.is_fatal) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "signing_key_expired")
        }
        true => (StatusCode::OK, "ok"),
    };
    let projectors: Vec<_> = health
        .projectors
        .iter()
        .map(
            |projector| json!({ "name": projector.name, "position": projector.position, "stopped": projector.stopped }),
        )
        .collect();
    let body = json!({
        "status": word,
        "trouble": health.trouble,
        "projectors": projectors,
        "signing_keys": signing_keys,
    });
    (status, Json(body)).into_response()
}

/// 200 if the read models reach the log's head at the time of the request within [`CAUGHT_UP_WITHIN`]; otherwise 503. A busy server
/// that keeps up is ready.
async fn readyz(State(progress): State<Progress>, State(store): State<Arc<dyn EventStore>>) -> Response {
    let (status, body) = readiness(&progress, &*store).await;
    (status, Json(body)).into_response()
}

/// The response of `/readyz` on any server.
pub async fn readiness(progress: &Progress, store: &dyn EventStore) -> (StatusCode, Value) {
    let Ok(head) = store.head().await else {
        return (StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "log_unavailable" }));
    };
    let caught_up = timeout(CAUGHT_UP_WITHIN, progress.wait_for(head)).await;
    let position = progress.position();
    match caught_up {
        Ok(Ok(())) => (StatusCode::OK, json!({ "status": "ready", "position": position })),
        _ => {
            let body = json!({ "status": "catching_up", "position": position, "head": head });
            (StatusCode::SERVICE_UNAVAILABLE, body)
        }
    }
}

async fn render(State(state): State<OpsState>) -> String {
    let OpsState { store, progress, signing_keys, clock, metrics } = state;
    metrics::gauge!("pkgdeploy_projected_position").set(progress.position().0 as f64);
    if let Ok(head) = store.head().await {
        metrics::gauge!("pkgdeploy_log_position").set(head.0 as f64);
    }
    let stopped = progress.health().projectors.iter().filter(|projector| projector.stopped.is_some()).count();
    metrics::gauge!("pkgdeploy_projectors_stopped").set(stopped as f64);
    for key in health::of(&signing_keys.now(), clock()) {
        if let Some(days_left) = key.days_left {
            let epoch = key.epoch.to_string();
            metrics::gauge!("pkgdeploy_signing_key_days_left", "epoch" => epoch).set(days_left as f64);
        }
    }
    metrics.run_upkeep();
    metrics.render()
}
