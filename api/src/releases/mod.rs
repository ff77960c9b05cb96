//! Releases over HTTP: the API trigger, and a release's state and log.

mod log;
mod rate;
mod trigger;
mod wait;

use axum::{
    Router,
    routing::{get, post},
};
use domain::{
    ids::{ProjectId, ReleaseId},
    release::Step,
};
use projections::board::{Release, ReleaseState};
use serde::Serialize;

pub use self::{
    rate::{REQUESTS_AT_ONCE_MAX, REQUESTS_PER_MINUTE_MAX, RequestRates},
    wait::{WAIT_MAX, Wait},
};
use crate::{app::App, http::problem::Problem};

/// `POST /api/v1/projects/{project}/releases`, `GET /api/v1/releases/{id}` and `GET /api/v1/releases/{id}/log`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/projects/{project}/releases", post(trigger::trigger))
        .route("/api/v1/releases/{release}", get(log::release))
        .route("/api/v1/releases/{release}/log", get(log::log))
}

/// A release, as the API trigger's answer shows it.
#[derive(Debug, Serialize)]
struct ReleaseAnswer {
    release: ReleaseId,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<ProjectId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    state: &'static str,
    step: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureAnswer>,
    url: String,
}

#[derive(Debug, Serialize)]
struct FailureAnswer {
    step: &'static str,
    code: String,
    message: String,
}

impl ReleaseAnswer {
    /// The release as it stands. The board shows it once the pipeline has taken it up; before, it is just received.
    async fn find(app: &App, id: ReleaseId) -> Result<Self, Problem> {
        match app.board.release(id).await? {
            Some(row) => Self::of(row, app).await,
            None => Ok(Self {
                release: id,
                project: None,
                tag: None,
                version: None,
                state: ReleaseState::Running.as_str(),
                step: Step::Received.as_str(),
                failure: None,
                url: address(app, id),
            }),
        }
    }

    async fn of(row: Release, app: &App) -> Result<Self, Problem> {
        let failure = app.board.steps(row.id).await?.into_iter().find_map(|step| {
            Some(FailureAnswer { step: step.step.as_str(), code: step.code?, message: step.message? })
        });
        Ok(Self {
            url: address(app, row.id),
            release: row.id,
            project: Some(row.project),
            tag: Some(row.tag),
            version: Some(row.version),
            state: row.state.as_str(),
            step: row.step.as_str(),
            failure,
        })
    }
}

fn address(app: &App, id: ReleaseId) -> String {
    format!("{}/api/v1/releases/{id}", app.public_url.as_str())
}
