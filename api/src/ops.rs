//! For whoever keeps the server running: `/healthz`, `/readyz`, `/metrics`.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use commands::event_store::EventStore;
use metrics_exporter_prometheus::PrometheusHandle;
use projections::runner::Progress;
use serde_json::{Value, json};

use crate::{app::App, signing_health};

/// The routes; `metrics` renders what was counted.
pub fn routes(metrics: PrometheusHandle) -> Router<App> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(move |app: State<App>| render(metrics.clone(), app)))
}

/// 200 while the process can do its work; 500 when a projection has stopped, with its reason, or when clients no longer
/// believe the signing key.
async fn healthz(State(app): State<App>) -> Response {
    let health = app.progress.health();
    let signing_keys = signing_health::of(&app.signing_keys.now(), app.executor.now());
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

/// 200 once the read models have caught up with the log; 503 before.
async fn readyz(State(app): State<App>) -> Response {
    let (status, body) = readiness(&app.progress, &**app.executor.store()).await;
    (status, Json(body)).into_response()
}

/// What `/readyz` answers on any server.
pub(crate) async fn readiness(progress: &Progress, store: &dyn EventStore) -> (StatusCode, Value) {
    let position = progress.position();
    match store.head().await {
        Ok(head) if position >= head => (StatusCode::OK, json!({ "status": "ready", "position": position })),
        Ok(head) => {
            let body = json!({ "status": "catching_up", "position": position, "head": head });
            (StatusCode::SERVICE_UNAVAILABLE, body)
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "log_unavailable" })),
    }
}

async fn render(metrics: PrometheusHandle, State(app): State<App>) -> String {
    metrics::gauge!("pkgdeploy_projected_position").set(app.progress.position().0 as f64);
    if let Ok(head) = app.executor.store().head().await {
        metrics::gauge!("pkgdeploy_log_position").set(head.0 as f64);
    }
    let stopped = app.progress.health().projectors.iter().filter(|projector| projector.stopped.is_some()).count();
    metrics::gauge!("pkgdeploy_projectors_stopped").set(stopped as f64);
    for key in signing_health::of(&app.signing_keys.now(), app.executor.now()) {
        if let Some(days_left) = key.days_left {
            let epoch = key.epoch.to_string();
            metrics::gauge!("pkgdeploy_signing_key_days_left", "epoch" => epoch).set(days_left as f64);
        }
    }
    metrics.run_upkeep();
    metrics.render()
}
