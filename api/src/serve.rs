//! The whole server: every part opened in its order, wired, run, and closed.

use std::{fs::File, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use api_http::{open_files::raise_limit, public_url::PublicUrl, server, tokens};
use archive::{data_folder::DataFolder, log_identity::forget_read_models_of_another_log};
use axum::Router;
use chrono::{TimeDelta, Utc};
use commands::signing_keys::Making;
use composition::{Core, CoreSettings};
use domain::{
    account::{Account, Command},
    ids::{AccountId, TokenId},
    recorded::Actor,
    token::TokenKind,
};
use event_log::{
    event_store::{self, BoxError, EventStore},
    execute::Context,
};
use projections::credentials::CREDENTIALS;
use signing::Algorithm;
use stores::{key_usage::KeyUsage, scratch};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use workers::Kernel;

use crate::{
    components::{start_projections, start_workers},
    parts::{Parts, metrics_recorder},
    settings::Settings,
    workers::{WorkerEnded, Workers},
};

/// The address to listen on if none is configured.
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);
/// How long a server that stops writes down which keys were used.
const LAST_USES_MAX: Duration = Duration::from_secs(3);

/// Is called when the server accepts connections.
pub trait Announce {
    /// The address it listens on.
    fn listening(&self, address: SocketAddr);
}

/// A server that has opened everything and does not listen yet.
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
        let (listener, public_url) = listen(settings).await?;
        let store = event_store::open(data.log()).await?;
        let lock = data.lock()?;
        clear(data)?;
        forget_read_models_of_another_log(data)?;
        let (core, runner) = Core::open(store.clone(), Utc::now, core_settings(settings, data, &public_url)).await?;
        destroy_erased_persons(&core).await?;
        let metrics = metrics_recorder()?;
        let kernel = Kernel::open(store.clone(), data.workers()).await?;
        let mut workers = Workers::default();
        start_projections(&mut workers, runner, &core.progress, &*store, &stop).await?;
        let parts = Parts::open(core, settings, data, public_url, metrics, &mut workers, stop.clone()).await?;
        start_workers(&mut workers, &kernel, &parts, settings, data).await?;
        let router = parts.router();
        // Last, because it is shown only once: nothing that could fail comes between here and there.
        let first_operator_token = first_operator_token(&parts.core).await?;
        Ok(Self { first_operator_token, listener, store, lock, key_usage: parts.key_usage, router, workers, stop })
    }

    /// Answers requests until it is stopped.
    ///
    /// # Errors
    /// A part that the server needs has ended. The process should be started again.
    pub async fn run(self, announce: &impl Announce) -> Result<(), WorkerEnded> {
        let Self { listener, store, lock, key_usage, router, mut workers, stop, .. } = self;
        let ended = answer(listener, router, &mut workers, stop, announce).await;
        if !matches!(timeout(LAST_USES_MAX, key_usage.flush()).await, Ok(Ok(()))) {
            warn!("the last uses of access keys could not be stored");
        }
        // Releases stop where they are; their last recorded step is where the next start takes them up.
        drop(workers);
        store.close().await;
        drop(lock);
        ended
    }
}

/// The socket that the settings ask for, and the address under which clients reach it.
pub(crate) async fn listen(settings: &Settings) -> Result<(TcpListener, PublicUrl), BoxError> {
    let listen = settings.listen.unwrap_or(LISTEN_DEFAULT);
    let listener = TcpListener::bind(listen).await;
    let listener = listener.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let address = listener.local_addr()?;
    let public_url = settings.public_url.clone().unwrap_or_else(|| format!("http://{address}")).parse()?;
    Ok((listener, public_url))
}

/// Answers requests until `stop`, or until a worker ends.
pub(crate) async fn answer(
    listener: TcpListener,
    router: Router,
    workers: &mut Workers,
    stop: CancellationToken,
    announce: &impl Announce,
) -> Result<(), WorkerEnded> {
    if let Ok(address) = listener.local_addr() {
        announce.listening(address);
        info!(%address, "listening on {address}");
    }
    let limits = server::Limits::with_open_files(raise_limit());
    let serving = server::serve(listener, router, limits, stop.clone());
    workers.while_serving(serving, stop).await
}

fn core_settings(settings: &Settings, data: &DataFolder, public_url: &PublicUrl) -> CoreSettings {
    CoreSettings {
        blobs: data.blobs(),
        read_models: data.read_models(),
        secrets: data.secrets(),
        master_key: data.master_key().to_owned(),
        signed_logs: data.signed_logs(),
        making: making(settings, public_url),
        host: public_url.without_scheme().to_owned(),
    }
}

/// How signing keys are made, the first one and those that follow it.
fn making(settings: &Settings, public_url: &PublicUrl) -> Making {
    let valid_for = settings.signing.key_valid_days.map(|days| TimeDelta::days(i64::from(days.get())));
    let user_id = format!("pkgdeploy ({})", public_url.as_str());
    Making { algorithm: Algorithm::Rsa4096, user_id, valid_for }
}

/// A backup may bring back the keys of persons who were erased after it was made.
async fn destroy_erased_persons(core: &Core) -> Result<(), BoxError> {
    match core.persons.destroy_erased(&core.executor).await? {
        0 => {}
        count => warn!("destroyed {count} keys of persons who were erased before"),
    }
    Ok(())
}

/// The first start makes the one token that can do everything.
async fn first_operator_token(core: &Core) -> Result<Option<String>, BoxError> {
    let account = AccountId::operator();
    if core.executor.inspect::<Account, _>(account.0, |account, _| account.has_token()).await? {
        return Ok(None);
    }
    let token = tokens::issue(TokenKind::Operator);
    let renew = Command::RenewToken { token: TokenId(token.id()), secret_sha256: token.secret_sha256() };
    let renewed = core.executor.execute::<Account>(account.0, renew, &Context::of(Actor::CommandLine)).await?;
    if let Some(position) = renewed.position {
        core.progress.wait_for_projector(CREDENTIALS, position).await?;
    }
    Ok(Some(token.text()))
}

/// Removes what an interrupted process left behind: it is of no use to anyone.
fn clear(data: &DataFolder) -> std::io::Result<()> {
    scratch::clear(data.path())?;
    for folder in [data.questions(), data.jobs(), data.incoming(), data.resigning(), data.installers()] {
        empty(&folder)?;
    }
    Ok(())
}

/// Makes an empty folder.
fn empty(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::create_dir_all(folder)
}
