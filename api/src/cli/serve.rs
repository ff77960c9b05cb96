//! `pkgdeploy serve`.

use std::net::SocketAddr;

use api_http::client_address::Network;
use archive::data_folder::DataFolder;
use replica::STATE_FILE;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Outcome, operator_token};
use crate::{
    serve::{Announce, Server},
    settings::Settings,
};

pub(super) async fn run(
    mut settings: Settings,
    listen: Option<SocketAddr>,
    public_url: Option<String>,
    trusted_proxies: Vec<Network>,
) -> Outcome {
    settings.listen = listen.or(settings.listen);
    settings.public_url = public_url.or(settings.public_url);
    if !trusted_proxies.is_empty() {
        settings.trusted_proxies = trusted_proxies;
    }
    let data = DataFolder::open(&settings.locations())?;
    if data.path().join(STATE_FILE).exists() {
        let folder = data.path().display();
        return Err(format!(
            "the data folder {folder} belongs to a replica, whose event log is not complete: start `pkgdeploy replica` on it"
        )
        .into());
    }
    let stop = CancellationToken::new();
    stop_on_signals(&stop)?;
    let server = tokio::select! {
        server = Server::start(&settings, &data, stop.clone()) => server?,
        () = stop.cancelled() => return Ok(()),
    };
    if let Some(token) = &server.first_operator_token {
        operator_token::say(token);
    }
    Ok(server.run(&Terminal).await?)
}

pub(super) struct Terminal;

impl Announce for Terminal {
    #[expect(clippy::print_stdout, reason = "scripts read the address from standard output")]
    fn listening(&self, address: SocketAddr) {
        println!("listening on http://{address}");
    }
}

pub(super) fn stop_on_signals(stop: &CancellationToken) -> std::io::Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let (mut signals, stop) = (signal(kind)?, stop.clone());
        tokio::spawn(async move {
            signals.recv().await;
            tracing::info!("stopping: waiting for open requests; running releases continue at the next start");
            stop.cancel();
        });
    }
    Ok(())
}
