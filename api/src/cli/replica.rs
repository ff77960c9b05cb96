//! `pkgdeploy replica`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use api_http::public_url::PublicUrl;
use archive::data_folder::DataFolder;
use chrono::{TimeDelta, Utc};
use clap::{ArgGroup, Args, value_parser};
use domain::names::OrganisationName;
use replica::{Contact, FeedAddress, Follower, Loaded, Origin, Replica, load};
use tokio_util::sync::CancellationToken;

use super::{
    BoxError, Outcome,
    progress::Progress,
    serve::{Terminal, stop_on_signals},
};
use crate::{serve_replica::ReplicaServer, settings::Settings};

/// The minimum of `--refuse-after`, in seconds: a slow answer must not count as a lost server.
const REFUSE_AFTER_MIN_SECONDS: u64 = 5;
/// The maximum: a year.
const REFUSE_AFTER_MAX_SECONDS: u64 = 366 * 24 * 60 * 60;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").args(["bundle", "follow"]).multiple(true))]
pub(super) struct Command {
    /// Folder or tar file of a bundle to import first; without it, the existing data is served
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
    /// URL of a server to follow: the replica imports new entries as soon as they are recorded there
    #[arg(long, value_name = "URL", requires_all = ["organisation", "token_file"])]
    follow: Option<PublicUrl>,
    /// Organisation whose repositories to follow
    #[arg(long, value_name = "NAME", requires = "follow")]
    organisation: Option<OrganisationName>,
    /// File with a feed token of the organisation, as returned by issueFeedToken; may be replaced at any time
    #[arg(long, value_name = "FILE", requires = "follow")]
    token_file: Option<PathBuf>,
    /// Proxy for requests to the server, such as http://proxy:3128 [default: none]
    #[arg(long, value_name = "URL", requires = "follow")]
    proxy: Option<String>,
    /// Answer package clients with 503 if the server was not reached for this many seconds [default: keep serving]
    ///
    /// A replica learns of a key roll from the server. This option limits how long a rolled key still works on the replica.
    #[arg(long, value_name = "SECONDS", requires = "follow",
          value_parser = value_parser!(u64).range(REFUSE_AFTER_MIN_SECONDS..=REFUSE_AFTER_MAX_SECONDS))]
    refuse_after: Option<u64>,
    /// Key of the organisation's transparency log, as served at /log/<organisation>/key; without it, the key in the first bundle or
    /// of the first connection is trusted
    #[arg(long, value_name = "KEY", requires = "source")]
    log_key: Option<String>,
    /// Address to listen on; port 0 chooses a free port [default: 127.0.0.1:8080]
    #[arg(long, env = "PKGDEPLOY_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// URL under which clients reach the replica [default: http://<the address listened on>]
    #[arg(long, env = "PKGDEPLOY_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
}

pub(super) async fn run(command: Command, mut settings: Settings) -> Outcome {
    settings.listen = command.listen.or(settings.listen);
    settings.public_url = command.public_url.clone().or(settings.public_url);
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    let data = DataFolder::open(&settings.locations())?;
    let mut replica = Replica::open(data.clone()).await?;
    if let Some(bundle) = &command.bundle {
        take_in(&mut replica, bundle, command.log_key.as_deref()).await?;
    }
    let origin = match command.feed() {
        Some(address) => {
            tokio::select! {
                follower = follow(replica, address, &data, &command) => Origin::Feed(Box::new(follower?)),
                () = stop.cancelled() => return Ok(()),
            }
        }
        None if replica.is_complete() => Origin::Folder(Box::new(replica)),
        None => {
            return Err("the replica has no data yet: use --bundle, or --follow a server".into());
        }
    };
    let server = tokio::select! {
        server = ReplicaServer::start(&settings, origin, stop.clone()) => server?,
        () = stop.cancelled() => return Ok(()),
    };
    Ok(server.run(&Terminal).await?)
}

impl Command {
    fn feed(&self) -> Option<FeedAddress> {
        let (server, organisation) = (self.follow.clone()?, self.organisation.clone()?);
        Some(FeedAddress { server, organisation, token_file: self.token_file.clone()?, proxy: self.proxy.clone() })
    }
}

async fn take_in(replica: &mut Replica, bundle: &std::path::Path, log_key: Option<&str>) -> Outcome {
    let progress = Progress::on_terminal();
    let watch = |step, done, total| progress.at(step, done, total);
    let Loaded { entries, missing_blobs } = load(replica, bundle, log_key, &watch).await?;
    let (size, root) = (replica.size(), replica.root());
    tracing::info!("imported {entries} entries: now {size}, Merkle root {root}");
    if missing_blobs > 0 {
        tracing::warn!("the bundle lacks {missing_blobs} blobs that were already lost when it was made");
    }
    Ok(())
}

/// A follower of a replica that is ready to serve. A new replica imports everything first.
async fn follow(
    replica: Replica,
    address: FeedAddress,
    data: &DataFolder,
    command: &Command,
) -> Result<Follower, BoxError> {
    if !address.server.is_https() {
        tracing::warn!(
            "following {} without TLS: anyone on the network path can read the feed token",
            address.server.as_str()
        );
    }
    let refuse_after = command.refuse_after.map(Duration::from_secs);
    let limit = refuse_after.map(TimeDelta::from_std).transpose()?;
    let contact = Contact::open(data.path(), limit, Utc::now);
    let mut follower = Follower::new(replica, address, command.log_key.as_deref(), contact, refuse_after).await?;
    if !follower.replica().is_complete() {
        follower.catch_up().await?;
    }
    Ok(follower)
}
