//! Releases over HTTP: the API trigger, and a release's state and log.

mod answer;
mod log;
mod rate;
mod tags;
mod trigger;
mod wait;

use axum::{
    Router,
    extract::FromRef,
    routing::{get, post},
};

pub use self::{
    answer::ReleaseAnswers,
    log::ReleaseLogs,
    rate::{REQUESTS_AT_ONCE_MAX, RequestRates},
    tags::{TAG_QUESTIONS_MAX, TagSource},
    trigger::Triggers,
    wait::{ReleaseEnds, WAIT_MAX, Wait},
};
use api_http::auth::Authenticator;

/// The state of the handlers.
#[derive(Clone, FromRef)]
pub struct ReleasesState {
    /// Authenticates clients.
    pub authenticator: Authenticator,
    /// Accepts triggers.
    pub triggers: Triggers,
    /// Waits until a release has ended.
    pub ends: ReleaseEnds,
    /// Reads the state of a release.
    pub answers: ReleaseAnswers,
    /// The build logs.
    pub logs: ReleaseLogs,
}

/// `POST /api/v1/projects/{project}/releases`, `GET /api/v1/releases/{id}` and `GET /api/v1/releases/{id}/log`.
pub fn routes(state: ReleasesState) -> Router {
    Router::new()
        .route("/api/v1/projects/{project}/releases", post(trigger::trigger))
        .route("/api/v1/releases/{release}", get(log::release))
        .route("/api/v1/releases/{release}/log", get(log::log))
        .with_state(state)
}
