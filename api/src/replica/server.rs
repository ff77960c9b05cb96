//! A replica that answers package clients, like the server whose repositories it has.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use commands::{
    causes::Causes,
    event_store::EventStore,
    installers::{PublishedInstallers, follow_published},
    signing_keys::PublicKeys,
};
use projections::{
    credentials::{CREDENTIALS, credentials},
    index::repositories,
    projector::Projector,
    read_models::ReadModels,
    runner::{Progress, Runner},
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Contact, Follower, Replica, follow::Served, hand_over::KeptCredentials};
use crate::{
    http::{open_files::raise_limit, problem::Problem, server},
    installers::Installers,
    ops,
    repositories::RepositoryRoutes,
    serve::{Announce, LISTEN_DEFAULT, public_url, stopped},
    settings::Settings,
    wiring::{IndexBlobs, LogFeed, ServedBlobs, ServedRepositories},
    workers::{WorkerEnded, Workers},
};

/// Any failure to start, told to a person.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

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
    fn replica(&self) -> &Replica {
        match self {
            Self::Folder(replica) => replica,
            Self::Feed(follower) => follower.replica(),
        }
    }

    fn contact(&self) -> Option<Contact> {
        match self {
            Self::Folder(_) => None,
            Self::Feed(follower) => Some(follower.contact().clone()),
        }
    }
}

/// A replica that has opened everything and answers nobody yet.
pub struct ReplicaServer {
    listener: TcpListener,
    store: Arc<dyn EventStore>,
    /// Held for as long as it serves, unless a worker has it.
    _replica: Option<Box<Replica>>,
    router: Router,
    workers: Workers,
    stop: CancellationToken,
}

/// What the addresses for operators tell.
#[derive(Clone)]
struct Seen {
    store: Arc<dyn EventStore>,
    progress: Progress,
    /// With the server that it follows, if it does.
    contact: Option<Contact>,
}

impl ReplicaServer {
    /// Projects what the replica has and prepares to serve it. `stop` ends the server that comes out of it.
    ///
    /// # Errors
    /// Whatever part cannot be opened, with its reason.
    pub async fn start(settings: &Settings, origin: Origin, stop: CancellationToken) -> Result<Self, BoxError> {
        let listen: SocketAddr = settings.listen.unwrap_or(LISTEN_DEFAULT);
        let listener = TcpListener::bind(listen).await;
        let listener = listener.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        let public_url = public_url(settings, listener.local_addr()?)?;
        let (replica, contact) = (origin.replica(), origin.contact());
        let store = replica.store().clone();
        let blobs = replica.blobs().clone();
        let read_models = ReadModels::open(replica.data().read_models()).await?;
        let readers = read_models.readers.clone();
        let (credentials, credentials_projector) = credentials(readers.clone());
        let (repositories, repositories_projector) = repositories(readers, Arc::new(IndexBlobs(blobs.clone())));
        let projectors: Vec<Box<dyn Projector>> =
            vec![Box::new(credentials_projector), Box::new(repositories_projector)];
        let (runner, progress) = Runner::open(read_models.writer, Arc::new(LogFeed(store.clone())), projectors).await?;
        let mut workers = Workers::default();
        workers.start("projections", async move { warn!("{}", Causes(&runner.run().await)) });
        let head = store.head().await?;
        progress.wait_for_projector(CREDENTIALS, head).await?;
        if let Err(stopped) = progress.wait_for(head).await {
            warn!("{stopped}");
        }
        workers.start("credentials", stopped(progress.clone(), stop.clone()));
        let published = PublishedInstallers::default();
        workers.start("installers", follow_published(store.clone(), published.clone()).await?);
        let keys = PublicKeys::open(store.clone()).await?;

        let clients = RepositoryRoutes {
            reads: Arc::new(ServedRepositories {
                credentials: credentials.clone(),
                repositories,
                uses: None,
                moves: None,
            }),
            hand_over: Arc::new(KeptCredentials(credentials)),
            blobs: Arc::new(ServedBlobs::new(blobs)),
            certificates: keys.trusted(),
            installers: Installers::new(keys.trusted(), published, public_url.clone()),
            public_url,
        };
        let mut clients = clients.router();
        if let Some(contact) = contact.clone() {
            clients = clients.layer(middleware::from_fn_with_state(contact, unless_lost));
        }
        let seen = Seen { store: store.clone(), progress: progress.clone(), contact };
        let router = operations(seen).merge(clients).fallback(async || {
            Problem::NotFound(
                "this server is a replica: it serves repositories and their installers, nothing else".to_owned(),
            )
        });
        let replica = match origin {
            Origin::Folder(replica) => Some(replica),
            Origin::Feed(follower) => {
                workers.start("feed", follower.run(Served { progress, keys }));
                None
            }
        };
        Ok(Self { listener, store, _replica: replica, router, workers, stop })
    }

    /// Answers requests until it is told to stop.
    ///
    /// # Errors
    /// A part of the server has ended that it cannot do without. Whoever started it should start it again.
    pub async fn run(self, announce: &impl Announce) -> Result<(), WorkerEnded> {
        let Self { listener, store, _replica, router, mut workers, stop } = self;
        if let Ok(address) = listener.local_addr() {
            announce.listening(address);
            info!(%address, "listening on {address}");
        }
        let limits = server::Limits::with_open_files(raise_limit());
        let serving = server::serve(listener, router, limits, stop.clone());
        let ended = workers.while_serving(serving, stop).await;
        drop(workers);
        store.close().await;
        ended
    }
}

/// `/healthz` and `/readyz`, as on any server.
fn operations(seen: Seen) -> Router {
    Router::new()
        .route(
            "/healthz",
            get(async |State(seen): State<Seen>| {
                let health = seen.progress.health();
                let (status, word) = match health.is_good() {
                    true => (StatusCode::OK, "ok"),
                    false => (StatusCode::INTERNAL_SERVER_ERROR, "stopped"),
                };
                (status, Json(json!({ "status": word, "trouble": health.trouble }))).into_response()
            }),
        )
        .route("/readyz", get(readyz))
        .with_state(seen)
}

/// As on any server; and 503 while package clients get it, too. Says how far the server is that it follows.
async fn readyz(State(seen): State<Seen>) -> Response {
    let (mut status, mut body) = ops::readiness(&seen.progress, &*seen.store).await;
    if let Some(contact) = &seen.contact {
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
