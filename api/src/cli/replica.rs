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

/// Shortest time after which a replica may stop to serve, in seconds: a slow answer must not be taken for a lost server.
const REFUSE_AFTER_MIN_SECONDS: u64 = 5;
/// Longest time: a year.
const REFUSE_AFTER_MAX_SECONDS: u64 = 366 * 24 * 60 * 60;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("source").args(["bundle", "follow"]).multiple(true))]
pub(super) struct Command {
    /// Folder or tar file of a bundle, whose new entries are taken in first; without it, what is there is served
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
    /// Address of a server that is followed: what is new there is here a moment later
    #[arg(long, value_name = "URL", requires_all = ["organisation", "token_file"])]
    follow: Option<PublicUrl>,
    /// Whose repositories are followed
    #[arg(long, value_name = "NAME", requires = "follow")]
    organisation: Option<OrganisationName>,
    /// File that holds a feed token of the organisation, as issueFeedToken shows it; it may be replaced at any time
    #[arg(long, value_name = "FILE", requires = "follow")]
    token_file: Option<PathBuf>,
    /// Proxy that the server is reached through, such as http://proxy:3128; without it, it is reached directly
    #[arg(long, value_name = "URL", requires = "follow")]
    proxy: Option<String>,
    /// Answer package clients 503 once the server was not reached for so many seconds [default: serve on]
    ///
    /// A replica knows of a roll when the server tells it. With this, a key that was rolled opens the replica for at most so long.
    #[arg(long, value_name = "SECONDS", requires = "follow",
          value_parser = value_parser!(u64).range(REFUSE_AFTER_MIN_SECONDS..=REFUSE_AFTER_MAX_SECONDS))]
    refuse_after: Option<u64>,
    /// The key of the organisation's transparency log, as the server shows it at /log/<organisation>/key; without it the key in
    /// the first bundle, or that the server shows first, is believed
    #[arg(long, value_name = "KEY", requires = "source")]
    log_key: Option<String>,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "PKGDEPLOY_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Address under which clients reach the replica [default: http://<the address listened on>]
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
            return Err("there is nothing to serve yet: give the replica a --bundle, or a server to --follow".into());
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
    tracing::info!("took in {entries} entries: {size} now, Merkle root {root}");
    if missing_blobs > 0 {
        tracing::warn!("the bundle lacks {missing_blobs} blobs that were lost before it was made");
    }
    Ok(())
}

/// A follower of a replica that can be served: a new one takes everything in first.
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
