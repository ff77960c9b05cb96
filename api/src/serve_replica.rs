//! A whole replica: every part opened in its order, wired, run, and closed.

use std::{net::SocketAddr, sync::Arc};

use api_http::{open_files::raise_limit, server};
use axum::Router;
use chrono::Utc;
use commands::{
    installers::{FollowedInstallers, PublishedInstallers},
    signing_keys::PublicKeys,
};
use domain::error_chain::ErrorChain;
use event_log::event_store::EventStore;
use projections::{
    credentials::{CREDENTIALS, credentials},
    projector::Projector,
    read_models::ReadModels,
    runner::Runner,
};
use replica::{KeptCredentials, Origin, Replica, ReplicaState, Served};
use serving::{
    installers::{CredentialsAddress, Installers},
    repositories::{self, Authorizer, CACHE_MAX_BYTES, FileBytes, Files, RepositoriesState},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use workers::Kernel;

use crate::{
    serve::{Announce, LISTEN_DEFAULT, public_url, stopped},
    settings::Settings,
    workers::{WorkerEnded, Workers},
};

/// Any failure to start, told to a person.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

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
        let (repositories, repositories_projector) = index::repositories(readers, Arc::new(blobs.clone()));
        let projectors: Vec<Box<dyn Projector>> =
            vec![Box::new(credentials_projector), Box::new(repositories_projector)];
        let (runner, progress) = Runner::open(read_models.writer, store.clone(), projectors).await?;
        let mut workers = Workers::default();
        workers.start("projections", async move { warn!("{}", ErrorChain(&runner.run().await)) });
        let head = store.head().await?;
        progress.wait_for_projector(CREDENTIALS, head).await?;
        if let Err(stopped) = progress.wait_for(head).await {
            warn!("{stopped}");
        }
        workers.start("credentials", stopped(progress.clone(), stop.clone()));
        let published = PublishedInstallers::default();
        let kernel = Kernel::open(store.clone(), replica.data().workers()).await?;
        let (mut following, installers) = kernel.follow(FollowedInstallers(published.clone()));
        workers.start("installers", installers);
        following.live().await;
        let keys = PublicKeys::open(store.clone()).await?;

        let authorizer = Authorizer { credentials: credentials.clone(), repositories, moves: None, clock: Utc::now };
        let clients = RepositoriesState {
            installers: Installers::new(authorizer.clone(), keys.trusted(), published, public_url.clone()),
            credentials: CredentialsAddress::new(authorizer.clone(), Arc::new(KeptCredentials(credentials))),
            files: Files {
                authorizer,
                key_usage: None,
                bytes: FileBytes::new(blobs, CACHE_MAX_BYTES),
                certificates: keys.trusted(),
                public_url,
            },
            certificates: keys.trusted(),
        };
        let state = ReplicaState { store: store.clone(), progress: progress.clone(), contact };
        let router = replica::routes(repositories::routes(clients), state);
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
