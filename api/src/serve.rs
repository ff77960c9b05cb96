//! The whole server: every part opened in its order, wired, run, and closed.

use std::{net::SocketAddr, num::NonZeroU64, path::Path, sync::Arc, time::Duration};

use axum::Router;
use chrono::Utc;
use commands::{
    blobs::Blobs,
    building::{self, Builder, RootFilesystems},
    event_store::{EventStore as _, sqlite::SqliteEventStore},
    execute::{Context, Executor},
    publishing::{Publisher, service_key},
    releases::{Pipeline, Running, Slots},
    secrets::Secrets,
    source::Git,
};
use domain::{
    account::{Account, Command},
    ids::{AccountId, TokenId},
    recorded::Actor,
    token::TokenKind,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use projections::{
    board::board, credentials::credentials, index::repositories, projector::Projector, read_models::ReadModels,
    runner::Runner,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{info, warn};

use crate::{
    app::{App, Parts},
    data_folder::DataFolder,
    graphql,
    http::{
        api_limits::{BODY_MAX_BYTES, REQUEST_MAX, with_limits},
        public_url::PublicUrl,
        server,
    },
    mint, ops, releases,
    repositories::{PublicCertificate, RepositoryRoutes},
    settings::{Settings, Unmapped},
    uploads,
    wiring::{IndexBlobs, LogFeed, ProjectedRepositories, ServedBlobs, ServedRepositories},
};

/// Where to listen if nobody says otherwise.
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);
/// How long a request that waits, or an upload, may take beyond what it waits for.
const LONG_REQUEST_MAX: Duration = releases::WAIT_MAX.saturating_add(REQUEST_MAX);

/// Any failure to start, told to a person.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Tells somebody that the server can be reached.
pub trait Announce {
    /// The address it listens on.
    fn listening(&self, address: SocketAddr);
}

/// A server that has opened everything and answers nobody yet.
pub struct Server {
    /// The operator token, if this was the first start. It is shown once.
    pub first_operator_token: Option<String>,
    listener: TcpListener,
    store: Arc<SqliteEventStore>,
    router: Router,
    workers: Vec<AbortOnDropHandle<()>>,
}

impl Server {
    /// Opens the log, projects what is new in it, and starts the workers.
    ///
    /// # Errors
    /// Whatever part cannot be opened, with its reason.
    pub async fn start(settings: &Settings, data: &DataFolder) -> Result<Self, BoxError> {
        let store = Arc::new(SqliteEventStore::open(&data.log()).await?);
        let listener = TcpListener::bind(settings.listen.unwrap_or(LISTEN_DEFAULT)).await?;
        let public_url = public_url(settings, listener.local_addr()?)?;
        let executor = Arc::new(Executor::new(store.clone(), Utc::now));
        let secrets = Arc::new(Secrets::open(&data.secrets(), data.master_key())?);
        let blobs = Blobs::local(data.blobs())?;
        let user_id = format!("pkgdeploy ({})", public_url.as_str());
        let signer = service_key(&executor, &secrets, user_id).await?;
        let first_operator_token = first_operator_token(&executor).await?;

        let read_models = ReadModels::open(data.read_models()).await?;
        let readers = read_models.readers.clone();
        let (credentials, credentials_projector) = credentials(readers.clone());
        let (board, board_projector) = board(readers.clone());
        let (repositories, repositories_projector) = repositories(readers, Arc::new(IndexBlobs(blobs.clone())));
        let projectors: Vec<Box<dyn Projector>> =
            vec![Box::new(credentials_projector), Box::new(repositories_projector), Box::new(board_projector)];
        let feed = Arc::new(LogFeed(store.clone()));
        let (runner, progress) = Runner::open(read_models.writer, feed, projectors).await?;
        let mut workers = vec![AbortOnDropHandle::new(tokio::spawn(async move { drop(runner.run().await) }))];
        // Nobody is let in by what a key could do before it was revoked.
        if let Err(stopped) = progress.wait_for(store.head().await?).await {
            warn!("{stopped}");
        }

        let projected = Arc::new(ProjectedRepositories { repositories: repositories.clone(), board: board.clone() });
        let git = Git {
            allow_local: settings.source.allow_local,
            environment: settings.source.environment.clone(),
            ..Git::default()
        };
        clear(&data.jobs())?;
        clear(&data.incoming())?;
        let pipeline = Pipeline {
            executor: executor.clone(),
            blobs: blobs.clone(),
            git: git.clone(),
            builder: Arc::new(builder(settings, data).await?),
            signer: signer.clone(),
            slots: Slots::new(parallel(settings)),
            repositories: projected.clone(),
            jobs: data.jobs(),
            running: Running::default(),
        };
        workers.push(AbortOnDropHandle::new(tokio::spawn(Arc::new(pipeline).run())));
        let publisher = Publisher {
            executor: executor.clone(),
            blobs: blobs.clone(),
            signer: signer.clone(),
            candidates: projected,
        };
        workers.push(AbortOnDropHandle::new(tokio::spawn(publisher.run())));

        let certificate = signer.certificate();
        let package_clients = RepositoryRoutes {
            reads: Arc::new(ServedRepositories {
                credentials: credentials.clone(),
                repositories: repositories.clone(),
            }),
            blobs: Arc::new(ServedBlobs::new(blobs.clone())),
            certificate: PublicCertificate::new(certificate.armored(), certificate.binary(), &signer.fingerprint())?,
            public_url: public_url.clone(),
        };
        let app = App::new(Parts {
            executor,
            credentials,
            board,
            repositories,
            progress,
            blobs,
            git,
            signer,
            public_url,
            jobs: data.jobs(),
            incoming: data.incoming(),
        });
        let router = router(app, metrics_recorder()?).merge(package_clients.router());
        Ok(Self { first_operator_token, listener, store, router, workers })
    }

    /// Answers requests until `stop`.
    pub async fn run(self, stop: CancellationToken, announce: &impl Announce) {
        if let Ok(address) = self.listener.local_addr() {
            announce.listening(address);
            info!(%address, "listening on {address}");
        }
        server::serve(self.listener, self.router, server::Limits::default(), stop).await;
        // Releases stop where they are; their last recorded step is where the next start takes them up.
        drop(self.workers);
        self.store.close().await;
    }
}

/// All routes but those of package clients, which stream and have limits of their own.
fn router(app: App, metrics: PrometheusHandle) -> Router {
    let schema = graphql::schema(app.clone());
    let quick = graphql::routes(schema).merge(ops::routes(metrics));
    with_limits(quick, BODY_MAX_BYTES, REQUEST_MAX)
        .merge(with_limits(releases::routes(), BODY_MAX_BYTES, LONG_REQUEST_MAX))
        .merge(uploads::routes())
        .with_state(app)
}

fn public_url(settings: &Settings, listen: SocketAddr) -> Result<PublicUrl, BoxError> {
    let text = settings.public_url.clone().unwrap_or_else(|| format!("http://{listen}"));
    Ok(text.parse()?)
}

/// The first start makes the one token that can do everything.
async fn first_operator_token(executor: &Executor) -> Result<Option<String>, BoxError> {
    let account = AccountId::operator();
    if executor.inspect::<Account, _>(account.0, |account, _| account.has_token()).await? {
        return Ok(None);
    }
    let token = mint::token(TokenKind::Operator);
    let renew = Command::RenewToken { token: TokenId(token.id()), secret_sha256: token.secret_sha256() };
    executor.execute::<Account>(account.0, renew, &Context::of(Actor::CommandLine)).await?;
    Ok(Some(token.text()))
}

async fn builder(settings: &Settings, data: &DataFolder) -> Result<Builder, BoxError> {
    let build = &settings.build;
    let mebibytes = |limit: Option<NonZeroU64>, default| limit.map_or(default, |mib| mib.get().saturating_mul(1 << 20));
    let defaults = building::Limits::default();
    let limits = building::Limits {
        wall_time: build.time_limit_seconds.map_or(defaults.wall_time, |limit| Duration::from_secs(limit.get())),
        memory_bytes: mebibytes(build.memory_limit_mib, defaults.memory_bytes),
        disk_bytes: mebibytes(build.disk_limit_mib, defaults.disk_bytes),
        processes: build.processes_max.map_or(defaults.processes, NonZeroU64::get),
        ..defaults
    };
    let mut environment = building::mirror_environment(std::env::vars());
    environment.extend(build.environment.clone());
    let builder = Builder::new(building::Settings {
        jobs: data.builds(),
        roots: root_filesystems(settings, data),
        hidden: vec![data.path().to_owned()],
        environment,
        readable: build.readable.clone(),
        limits,
    })?;
    match builder.probe().await {
        Ok(how) => info!("builds are isolated: {how}"),
        Err(reason) => warn!("{reason}"),
    }
    Ok(builder)
}

/// What builds can be made on.
#[must_use]
pub fn root_filesystems(settings: &Settings, data: &DataFolder) -> RootFilesystems {
    RootFilesystems {
        mapped: settings.build.rootfs.clone(),
        folder: data.rootfs(),
        unmapped: match settings.build.unmapped {
            Unmapped::HostRoot => building::Unmapped::HostRoot,
            Unmapped::Refuse => building::Unmapped::Refuse,
        },
    }
}

fn parallel(settings: &Settings) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    settings.build.parallel.map_or(processors, |limit| usize::try_from(limit.get()).unwrap_or(usize::MAX))
}

/// An empty folder: what an interrupted process left in it is of no use to anyone.
fn clear(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::create_dir_all(folder)
}

/// The process's one recorder of metrics.
fn metrics_recorder() -> Result<PrometheusHandle, BoxError> {
    Ok(PrometheusBuilder::new().install_recorder()?)
}
