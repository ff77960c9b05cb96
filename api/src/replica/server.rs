//! A replica that answers package clients, like the server whose repositories it has.

use std::{net::SocketAddr, sync::Arc};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse as _, routing::get};
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

use super::{Replica, hand_over::KeptCredentials};
use crate::{
    http::{problem::Problem, server},
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

/// A replica that has opened everything and answers nobody yet.
pub struct ReplicaServer {
    listener: TcpListener,
    replica: Replica,
    router: Router,
    workers: Workers,
    stop: CancellationToken,
}

/// What the addresses for operators tell.
#[derive(Clone)]
struct Seen {
    store: Arc<dyn EventStore>,
    progress: Progress,
}

impl ReplicaServer {
    /// Projects what `replica` has and prepares to serve it. `stop` ends the server that comes out of it.
    ///
    /// # Errors
    /// Whatever part cannot be opened, with its reason.
    pub async fn start(settings: &Settings, replica: Replica, stop: CancellationToken) -> Result<Self, BoxError> {
        let listen: SocketAddr = settings.listen.unwrap_or(LISTEN_DEFAULT);
        let listener = TcpListener::bind(listen).await;
        let listener = listener.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        let public_url = public_url(settings, listener.local_addr()?)?;
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
        workers.start("credentials", stopped(progress.clone()));
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
        let router = operations(Seen { store, progress }).merge(clients.router()).fallback(async || {
            Problem::NotFound(
                "this server is a replica: it serves repositories and their installers, nothing else".to_owned(),
            )
        });
        Ok(Self { listener, replica, router, workers, stop })
    }

    /// Answers requests until it is told to stop.
    ///
    /// # Errors
    /// A part of the server has ended that it cannot do without. Whoever started it should start it again.
    pub async fn run(self, announce: &impl Announce) -> Result<(), WorkerEnded> {
        let Self { listener, replica, router, mut workers, stop } = self;
        if let Ok(address) = listener.local_addr() {
            announce.listening(address);
            info!(%address, "listening on {address}");
        }
        let serving = server::serve(listener, router, server::Limits::default(), stop);
        let ended = tokio::select! {
            () = serving => Ok(()),
            ended = workers.one_ended() => Err(ended),
        };
        drop(workers);
        replica.store().close().await;
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
        .route("/readyz", get(async |State(seen): State<Seen>| ops::readiness(&seen.progress, &*seen.store).await))
        .with_state(seen)
}
