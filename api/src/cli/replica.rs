//! `pkgdeploy replica`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{
    Outcome,
    progress::Progress,
    serve::{Terminal, stop_on_signals},
};
use crate::{
    data_folder::DataFolder,
    replica::{Loaded, Replica, ReplicaServer, load},
    settings::Settings,
};

#[derive(Debug, Args)]
pub(super) struct Command {
    /// Folder or tar file of a bundle, whose new entries are taken in first; without it, what is there is served
    #[arg(long, value_name = "PATH")]
    bundle: Option<PathBuf>,
    /// The key of the organisation's transparency log, as the server shows it at /log/<organisation>/key; without it the key in
    /// the first bundle is believed
    #[arg(long, value_name = "KEY", requires = "bundle")]
    log_key: Option<String>,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "PKGDEPLOY_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Address under which clients reach the replica [default: http://<the address listened on>]
    #[arg(long, env = "PKGDEPLOY_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
}

pub(super) async fn run(command: Command, mut settings: Settings) -> Outcome {
    let Command { bundle, log_key, listen, public_url } = command;
    settings.listen = listen.or(settings.listen);
    settings.public_url = public_url.or(settings.public_url);
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    let mut replica = Replica::open(DataFolder::open(&settings)?).await?;
    if let Some(bundle) = bundle {
        let progress = Progress::on_terminal();
        let watch = |step, done, total| progress.at(step, done, total);
        let Loaded { entries, missing_blobs } = load(&mut replica, &bundle, log_key.as_deref(), &watch).await?;
        let (size, root) = (replica.size(), replica.root());
        tracing::info!("took in {entries} entries: {size} now, Merkle root {root}");
        if missing_blobs > 0 {
            tracing::warn!("the bundle lacks {missing_blobs} blobs that were lost before it was made");
        }
    }
    if replica.organisation().is_none() {
        return Err("there is nothing to serve yet: give the replica a --bundle".into());
    }
    let server = tokio::select! {
        server = ReplicaServer::start(&settings, replica, stop.clone()) => server?,
        () = stop.cancelled() => return Ok(()),
    };
    Ok(server.run(&Terminal).await?)
}
