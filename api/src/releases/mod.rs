//! Releases over HTTP: the API trigger, and a release's state and log.

mod log;
mod trigger;
mod wait;

use axum::{
    Router,
    routing::{get, post},
};
use domain::ids::{ProjectId, ReleaseId};
use projections::board::Release;
use serde::Serialize;

pub use self::wait::{WAIT_MAX, Wait};
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
    project: ProjectId,
    tag: String,
    version: String,
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
    async fn of(row: Release, app: &App) -> Result<Self, Problem> {
        let steps =
            app.board.steps(row.id).await.map_err(|error| Problem::internal("read the release")(error.into()))?;
        let failure = steps.into_iter().find_map(|step| {
            Some(FailureAnswer { step: step.step.as_str(), code: step.code?, message: step.message? })
        });
        Ok(Self {
            url: format!("{}/api/v1/releases/{}", app.public_url.as_str(), row.id),
            release: row.id,
            project: row.project,
            tag: row.tag,
            version: row.version,
            state: row.state.as_str(),
            step: row.step.as_str(),
            failure,
        })
    }
}

/// The release `id`, as the board shows it.
async fn row(app: &App, id: ReleaseId) -> Result<Option<Release>, Problem> {
    app.board.release(id).await.map_err(|error| Problem::internal("read the release")(error.into()))
}
