//! What a replica answers: package clients, like the server whose repositories it has, and operators.

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

/// When to come back to a replica that has lost its server.
const LOST_RETRY_SECONDS: u32 = 30;

/// Where what a replica serves comes from.
pub enum Origin {
    /// From its folder alone: the next bundle comes with the next start.
    Folder(Box<Replica>),
    /// From a server that it follows.
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

    /// What is known of the server that it follows, if it does.
    #[must_use]
    pub fn contact(&self) -> Option<Contact> {
        match self {
            Self::Folder(_) => None,
            Self::Feed(follower) => Some(follower.contact().clone()),
        }
    }
}

/// What the addresses for operators tell.
#[derive(Clone, FromRef)]
pub struct ReplicaState {
    /// The replica's log.
    pub store: Arc<dyn EventStore>,
    /// How far the read models have come.
    pub progress: Progress,
    /// With the server that it follows, if it does.
    pub contact: Option<Contact>,
}

/// The routes: `clients` are those of package clients, which get nothing once the server is lost.
pub fn routes(clients: Router, state: ReplicaState) -> Router {
    let clients = match state.contact.clone() {
        Some(contact) => clients.layer(middleware::from_fn_with_state(contact, unless_lost)),
        None => clients,
    };
    operations(state).merge(clients).fallback(async || {
        Problem::NotFound(
            "this server is a replica: it serves repositories and their installers, nothing else".to_owned(),
        )
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

/// As on any server; and 503 while package clients get it, too. Says how far the server is that it follows.
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

/// Serves nobody while the server that is followed was lost for longer than the operator allows.
async fn unless_lost(State(contact): State<Contact>, request: Request, next: Next) -> Response {
    match contact.is_lost() {
        false => next.run(request).await,
        true => Problem::Unavailable {
            what: "this replica has not reached its server for longer than it may: it does not know which keys still open it",
            retry_after_seconds: LOST_RETRY_SECONDS,
        }
        .into_response(),
    }
}
