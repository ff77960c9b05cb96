//! The whole server: every part opened in its order, wired, run, and closed.

use std::{fs::File, net::SocketAddr, num::NonZeroU64, path::Path, sync::Arc, time::Duration};

use api_http::{
    auth::Authenticator, client_address::TrustedProxies, open_files::raise_limit, public_url::PublicUrl,
    run_command::CommandRunner, server, tokens,
};
use archive::{data_folder::DataFolder, log_identity::forget_read_models_of_another_log};
use audit::Auditor;
use axum::Router;
use building::{
    Builder, RootFilesystems,
    source::{self, Git, KnownHosts},
};
use chrono::{TimeDelta, Utc};
use commands::{
    deliveries::Deliveries,
    installers::{InstallerPublisher, PublishedInstallers},
    publishing::{Publisher, Resigner},
    refused_triggers::RefusedTriggers,
    releases::{Pipeline, Slots},
    rolls::{Rolls, WindowCloser, moves},
    signing_keys::{Making, SigningKeys},
};
use composition::{ProjectedRepositories, StatedFacts, every_projector};
use domain::{
    account::{Account, Command},
    error_chain::ErrorChain,
    ids::{AccountId, TokenId},
    recorded::{Actor, Position},
    token::TokenKind,
};
use event_log::{
    event_store::{self, EventStore},
    execute::{Context, Executor},
};
use index::{REPOSITORIES, repositories};
use ingest::oidc::{CiIssuer, IssuerUrl};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use projections::{
    audit_index::AuditIndexProjector,
    credentials::{CREDENTIALS, credentials},
    dashboard::{DASHBOARD, dashboard},
    projector::Projector,
    read_models::ReadModels,
    runner::{Progress, Runner},
    transparency::transparency,
};
use serving::installers::WrittenScripts;
use signing::{Algorithm, log_signer::LogSigner};
use stores::{
    blobs::Blobs,
    key_usage::{DROPPED_TOTAL, KeyUsage},
    personal::Persons,
    scratch,
    secrets::Secrets,
};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use verify::Sources;
use workers::Kernel;

use crate::{
    github::{github_access, github_worker},
    self_check,
    settings::{Oidc, Settings, Unmapped},
    state::Parts,
    workers::{WorkerEnded, Workers},
};

/// Where to listen if nobody says otherwise.
pub(crate) const LISTEN_DEFAULT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);
/// How long a server that stops writes down which keys were used.
const LAST_USES_MAX: Duration = Duration::from_secs(3);

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
    store: Arc<dyn EventStore>,
    /// Held for as long as anything is written to the data folder.
    lock: File,
    key_usage: KeyUsage,
    router: Router,
    workers: Workers,
    stop: CancellationToken,
}

impl Server {
    /// Opens the log, projects what is new in it, and starts the workers. `stop` ends the server that comes out of it.
    ///
    /// # Errors
    /// Whatever part cannot be opened, with its reason.
    pub async fn start(settings: &Settings, data: &DataFolder, stop: CancellationToken) -> Result<Self, BoxError> {
        let listen = settings.listen.unwrap_or(LISTEN_DEFAULT);
        let listener = TcpListener::bind(listen).await;
        let listener = listener.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        let store = event_store::open(data.log()).await?;
        let lock = data.lock()?;
        scratch::clear(data.path())?;
        forget_read_models_of_another_log(data)?;
        let public_url = public_url(settings, listener.local_addr()?)?;
        let executor = Arc::new(Executor::new(store.clone(), Utc::now));
        let secrets = Arc::new(Secrets::open(&data.secrets(), data.master_key())?);
        let persons = Persons::new(secrets.clone());
        match persons.destroy_erased(&executor).await? {
            0 => {}
            count => warn!("destroyed {count} keys of persons who were erased before"),
        }
        let blobs = Blobs::local(data.blobs())?;
        let making = making(settings, &public_url);
        let signing_keys = SigningKeys::open(executor.clone(), secrets.clone(), making).await?;
        let read_models = ReadModels::open(data.read_models()).await?;
        let readers = read_models.readers.clone();
        let (credentials, credentials_projector) = credentials(readers.clone());
        let (dashboard, dashboard_projector) = dashboard(readers.clone());
        let (transparency, transparency_projector) = transparency(readers.clone());
        let (repositories, repositories_projector) = repositories(readers.clone(), Arc::new(blobs.clone()));
        let projectors: Vec<Box<dyn Projector>> = vec![
            Box::new(credentials_projector),
            // Before the repositories: what is to be published asks it whose a repository is.
            Box::new(dashboard_projector),
            Box::new(repositories_projector),
            Box::new(transparency_projector),
            Box::new(AuditIndexProjector::default()),
        ];
        let (runner, progress) = Runner::open(read_models.writer, store.clone(), projectors).await?;
        let metrics = metrics_recorder()?;
        let kernel = Kernel::open(store.clone(), data.workers()).await?;
        let mut workers = Workers::default();
        workers.start("projections", async move { warn!("{}", ErrorChain(&runner.run().await)) });
        // Nobody is let in by what a key could do before it was revoked.
        progress.wait_for_projector(CREDENTIALS, store.head().await?).await?;
        if let Err(stopped) = progress.wait_for(store.head().await?).await {
            warn!("{stopped}");
        }

        let projected =
            Arc::new(ProjectedRepositories { repositories: repositories.clone(), dashboard: dashboard.clone() });
        let git = Git {
            allow_local: settings.source.allow_local,
            environment: settings.source.environment.clone(),
            known_hosts: KnownHosts::new(&settings.source.known_hosts)?,
            scratch: Some(data.questions()),
            limits: source::Limits::default(),
        };
        clear(&data.questions())?;
        clear(&data.jobs())?;
        clear(&data.incoming())?;
        clear(&data.resigning())?;
        let github_access = github_access(&settings.github, executor.clone(), secrets.clone(), git.clone())
            .map_err(|error| format!("[github] in the settings: {}", ErrorChain(error.as_ref())))?;
        let github = github_worker(&settings.github, github_access.clone(), &public_url);
        workers.start("github", kernel.run(github));
        let pipeline = Pipeline {
            executor: executor.clone(),
            secrets: secrets.clone(),
            blobs: blobs.clone(),
            git: git.clone(),
            builder: Arc::new(builder(settings, data).await?),
            keys: signing_keys.clone(),
            slots: Slots::new(parallel(settings)),
            repositories: projected,
            jobs: data.jobs(),
        };
        workers.start("releases", kernel.run(pipeline));
        let trees = Arc::new(transparency.clone());
        let host = public_url.without_scheme();
        let log_signer = LogSigner::open(&executor, &secrets, host, trees, data.signed_logs()).await?;
        let statements =
            StatedFacts { dashboard: dashboard.clone(), public_url: public_url.clone(), signer: log_signer.clone() };
        let publisher = Publisher {
            executor: executor.clone(),
            blobs: blobs.clone(),
            keys: signing_keys.clone(),
            candidates: Arc::new(repositories.clone()),
            statements: Arc::new(statements),
        };
        workers.start("signing", kernel.run(publisher));
        let resigner = Resigner::new(
            executor.clone(),
            blobs.clone(),
            signing_keys.clone(),
            Arc::new(repositories.clone()),
            data.resigning(),
        );
        workers.start("signing packages again", kernel.run(resigner));
        workers.start("signing keys", kernel.run(signing_keys.clone()));
        workers.start("deliveries", kernel.run(Deliveries { executor: executor.clone() }));
        let refused_triggers = RefusedTriggers::default();
        workers.start("refused triggers", refused_triggers.clone().record(executor.clone()));
        let installers = PublishedInstallers::default();
        clear(&data.installers())?;
        let publisher = InstallerPublisher {
            executor: executor.clone(),
            blobs: blobs.clone(),
            keys: signing_keys.clone(),
            scripts: Arc::new(WrittenScripts { trusted: signing_keys.trusted(), public_url: public_url.clone() }),
            published: installers.clone(),
            folder: data.installers(),
        };
        workers.start("installers", kernel.run(publisher));
        workers.start("credentials", stopped(progress.clone(), stop.clone()));
        let rolls = Rolls { executor: executor.clone(), secrets: secrets.clone(), issue: tokens::issue };
        let windows = Arc::new(credentials.clone());
        workers.start("grace", kernel.run(WindowCloser::new(rolls.clone(), windows)));
        let (key_usage, counting) = KeyUsage::open(data.key_usage(), Utc::now).await?;
        workers.start("uses", counting);
        let every = settings.verify.every_seconds.map_or(self_check::EVERY_DEFAULT, Duration::from_secs);
        if !every.is_zero() {
            let sources = Sources {
                log: store.clone(),
                blobs: blobs.clone(),
                projectors: every_projector,
                read_models: Some(data.read_models()),
                signed_logs: Some(data.signed_logs()),
                scratch: data.path().to_owned(),
            };
            workers.start("self-check", self_check::run(sources, every, Utc::now));
        }
        let (moves, recording) = moves(executor.clone());
        workers.start("moves", recording);

        let authenticator = Authenticator {
            credentials: credentials.clone(),
            persons: persons.clone(),
            trusted_proxies: TrustedProxies::new(settings.trusted_proxies.clone()),
            clock: Utc::now,
        };
        let commands = CommandRunner {
            executor: executor.clone(),
            progress: progress.clone(),
            dashboards: &[DASHBOARD, REPOSITORIES],
        };
        let auditor = Auditor::new(store.clone(), &readers, Some(key_usage.clone()), Some(persons));
        let parts = Parts {
            commands,
            authenticator,
            rolls,
            moves,
            key_usage: key_usage.clone(),
            credentials,
            dashboard,
            repositories,
            transparency,
            auditor,
            log_signer,
            signing_keys,
            installers,
            blobs,
            secrets,
            git,
            github: github_access,
            ci_issuer: Arc::new(ci_issuer(settings)?),
            refused_triggers,
            public_url,
            jobs: data.jobs(),
            incoming: data.incoming(),
            metrics,
            stopping: stop.clone(),
        };
        let router = parts.router();
        // Last, because it is shown only once: nothing that could fail comes between here and there.
        let first_operator_token = first_operator_token(&executor, &progress).await?;
        Ok(Self { first_operator_token, listener, store, lock, key_usage, router, workers, stop })
    }

    /// Answers requests until it is told to stop.
    ///
    /// # Errors
    /// A part of the server has ended that it cannot do without. Whoever started it should start it again.
    pub async fn run(self, announce: &impl Announce) -> Result<(), WorkerEnded> {
        if let Ok(address) = self.listener.local_addr() {
            announce.listening(address);
            info!(%address, "listening on {address}");
        }
        let mut workers = self.workers;
        let limits = server::Limits::with_open_files(raise_limit());
        let serving = server::serve(self.listener, self.router, limits, self.stop.clone());
        let ended = workers.while_serving(serving, self.stop).await;
        if !matches!(timeout(LAST_USES_MAX, self.key_usage.flush()).await, Ok(Ok(()))) {
            warn!("the last uses of access keys are not written down");
        }
        // Releases stop where they are; their last recorded step is where the next start takes them up.
        drop(workers);
        self.store.close().await;
        drop(self.lock);
        ended
    }
}

/// Returns when the projection of keys and tokens has stopped: it would go on letting in who was let in before.
pub(crate) async fn stopped(progress: Progress, stop: CancellationToken) {
    // No log is that long: only a projector that stopped ends this wait.
    if let Err(stopped) = progress.wait_for_projector(CREDENTIALS, Position(u64::MAX)).await
        && !stop.is_cancelled()
    {
        error!("{stopped}");
    }
}

pub(crate) fn public_url(settings: &Settings, listen: SocketAddr) -> Result<PublicUrl, BoxError> {
    let text = settings.public_url.clone().unwrap_or_else(|| format!("http://{listen}"));
    Ok(text.parse()?)
}

/// The first start makes the one token that can do everything.
async fn first_operator_token(executor: &Executor, progress: &Progress) -> Result<Option<String>, BoxError> {
    let account = AccountId::operator();
    if executor.inspect::<Account, _>(account.0, |account, _| account.has_token()).await? {
        return Ok(None);
    }
    let token = tokens::issue(TokenKind::Operator);
    let renew = Command::RenewToken { token: TokenId(token.id()), secret_sha256: token.secret_sha256() };
    let renewed = executor.execute::<Account>(account.0, renew, &Context::of(Actor::CommandLine)).await?;
    if let Some(position) = renewed.position {
        progress.wait_for_projector(CREDENTIALS, position).await?;
    }
    Ok(Some(token.text()))
}

/// Whose word about CI jobs is believed.
fn ci_issuer(settings: &Settings) -> Result<CiIssuer, BoxError> {
    let Oidc { issuer, proxy } = &settings.oidc;
    let issuer: IssuerUrl = issuer.as_deref().map_or_else(|| Ok(IssuerUrl::default()), str::parse)?;
    CiIssuer::new(&issuer, proxy.as_deref())
        .map_err(|error| format!("[oidc] in the settings: {}", ErrorChain(&error)).into())
}

/// How signing keys are made, the first one and those that follow it.
fn making(settings: &Settings, public_url: &PublicUrl) -> Making {
    let valid_for = settings.signing.key_valid_days.map(|days| TimeDelta::days(i64::from(days.get())));
    let user_id = format!("pkgdeploy ({})", public_url.as_str());
    Making { algorithm: Algorithm::Rsa4096, user_id, valid_for }
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
        hidden: vec![data.path().to_owned(), data.master_key().to_owned()],
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
    let recorder = PrometheusBuilder::new().install_recorder()?;
    metrics::counter!(DROPPED_TOTAL).increment(0);
    Ok(recorder)
}
