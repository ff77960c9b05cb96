//! A whole replica: every part opened in its order, wired, run, and closed.

use std::sync::Arc;

use axum::Router;
use chrono::Utc;
use commands::{
    installers::{FollowedInstallers, PublishedInstallers},
    signing_keys::PublicKeys,
};
use composition::{Projected, Scope};
use event_log::event_store::{BoxError, EventStore};
use replica::{KeptCredentials, Origin, Replica, ReplicaState, Served};
use serving::{
    installers::{CredentialsAddress, Installers},
    repositories::{self, Authorizer, CACHE_MAX_BYTES, FileBytes, Files, RepositoriesState},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use workers::Kernel;

use crate::{
    components::start_projections,
    serve::{Announce, answer, listen},
    settings::Settings,
    workers::{WorkerEnded, Workers},
};

/// A replica that has opened everything and does not listen yet.
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
        let (listener, public_url) = listen(settings).await?;
        let (replica, contact) = (origin.replica(), origin.contact());
        let store = replica.store().clone();
        let blobs = replica.blobs().clone();
        let read_models = replica.data().read_models();
        let opened = Projected::open(read_models, store.clone(), &blobs, Scope::PackageClients).await?;
        let (Projected { credentials, repositories, .. }, runner, progress) = opened;
        let mut workers = Workers::default();
        start_projections(&mut workers, runner, &progress, &*store, &stop).await?;
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

    /// Answers requests until it is stopped.
    ///
    /// # Errors
    /// A part that the server needs has ended. The process should be started again.
    pub async fn run(self, announce: &impl Announce) -> Result<(), WorkerEnded> {
        let Self { listener, store, _replica, router, mut workers, stop } = self;
        let ended = answer(listener, router, &mut workers, stop, announce).await;
        drop(workers);
        store.close().await;
        ended
    }
}
