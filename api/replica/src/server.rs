//! The HTTP server of a replica: for package clients the same as the replicated server, and health endpoints for operators.

use std::sync::Arc;

use api_http::problem::Problem;
use axum::{
    Json, Router,
    extract::{FromRef, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use event_log::event_store::EventStore;
use projections::runner::Progress;
use serde_json::json;
use serving::ops;

use super::{Contact, Follower, Replica};

/// The time to retry when a replica has lost its server.
const LOST_RETRY_SECONDS: u32 = 30;

/// Where a replica's data comes from.
pub enum Origin {
    /// Only from its folder: the next bundle is imported at the next start.
    Folder(Box<Replica>),
    /// From the server that it follows.
    Feed(Box<Follower>),
}

impl Origin {
    /// The replica.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        match self {
            Self::Folder(replica) => replica,
            Self::Feed(follower) => follower.replica(),
        }
    }

    /// The state of the connection, if it follows a server.
    #[must_use]
    pub fn contact(&self) -> Option<Contact> {
        match self {
            Self::Folder(_) => None,
            Self::Feed(follower) => Some(follower.contact().clone()),
        }
    }
}

/// The state of the endpoints for operators.
#[derive(Clone, FromRef)]
pub struct ReplicaState {
    /// The replica's log.
    pub store: Arc<dyn EventStore>,
    /// The progress of the read models.
    pub progress: Progress,
    /// The state of the connection, if it follows a server.
    pub contact: Option<Contact>,
}

/// The routes. `clients` are those of package clients, which are refused when the server is lost for too long.
pub fn routes(clients: Router, state: ReplicaState) -> Router {
    let clients = match state.contact.clone() {
        Some(contact) => clients.layer(middleware::from_fn_with_state(contact, unless_lost)),
        None => clients,
    };
    operations(state).merge(clients).fallback(async || {
        Problem::NotFound("this server is a replica: it serves only repositories and their installers".to_owned())
    })
}

/// `/healthz` and `/readyz`, as on any server.
fn operations(state: ReplicaState) -> Router {
    Router::new()
        .route(
            "/healthz",
            get(async |State(progress): State<Progress>| {
                let health = progress.health();
                let (status, word) = match health.is_good() {
                    true => (StatusCode::OK, "ok"),
                    false => (StatusCode::INTERNAL_SERVER_ERROR, "stopped"),
                };
                (status, Json(json!({ "status": word, "trouble": health.trouble }))).into_response()
            }),
        )
        .route("/readyz", get(readyz))
        .with_state(state)
}

/// As on any server, and 503 while package clients are refused. Includes the state of the connection to the server.
async fn readyz(
    State(progress): State<Progress>,
    State(store): State<Arc<dyn EventStore>>,
    State(contact): State<Option<Contact>>,
) -> Response {
    let (mut status, mut body) = ops::readiness(&progress, &*store).await;
    if let Some(contact) = contact {
        body["feed"] = contact.shown();
        if contact.is_lost() && status == StatusCode::OK {
            status = StatusCode::SERVICE_UNAVAILABLE;
            body["status"] = "server_lost".into();
        }
    }
    (status, Json(body)).into_response()
}

/// Refuses clients while the server has been lost for longer than the operator allows.
async fn unless_lost(State(contact): State<Contact>, request: Request, next: Next) -> Response {
    match contact.is_lost() {
        false => next.run(request).await,
        true => Problem::Unavailable {
            what: "this replica has not reached the server that it follows for too long: it does not know which access keys are still valid",
            retry_after_seconds: LOST_RETRY_SECONDS,
        }
        .into_response(),
    }
}
