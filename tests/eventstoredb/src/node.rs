//! One node: a port, its connections, and the log it shares with the other nodes.

use std::{net::SocketAddr, sync::Arc};

use futures::stream;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::{
    connection::{Connection, Connections},
    double::Shared,
    proto::{
        gossip::gossip_server::GossipServer, server_features::server_features_server::ServerFeaturesServer,
        streams::streams_server::StreamsServer,
    },
};

/// Largest message that a node takes: an append is refused by the log, not by the transport.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What answers the calls that come to a node.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connections: Arc<Connections>,
    /// Which of the cluster's nodes this is.
    pub(crate) number: usize,
}

/// A running node.
pub(crate) struct Node {
    connections: Arc<Connections>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Node {
    /// Starts node `number` behind `listener`.
    pub(crate) fn start(shared: Arc<Shared>, number: usize, listener: TcpListener) -> Self {
        let connections = Arc::new(Connections::default());
        let stop = CancellationToken::new();
        let service = Service { shared, connections: Arc::clone(&connections), number };
        let server = Server::builder()
            .add_service(StreamsServer::new(service.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX))
            .add_service(GossipServer::new(service.clone()))
            .add_service(ServerFeaturesServer::new(service));
        let incoming = incoming(listener, Arc::clone(&connections));
        let stopped = stop.clone().cancelled_owned();
        let task = tokio::spawn(async move {
            let ended = server.serve_with_incoming_shutdown(incoming, stopped).await;
            ended.expect("the double serves until it is stopped");
        });
        Self { connections, stop, task }
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(mut self) {
        self.stop.cancel();
        self.connections.cut();
        // It may wait for a call that hangs on request.
        self.task.abort();
        let _aborted = (&mut self.task).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
        self.connections.cut();
    }
}

/// The port of `address`, which may just have been given up.
pub(crate) async fn listen(address: SocketAddr) -> TcpListener {
    TcpListener::bind(address).await.expect("the double's port is free")
}

fn incoming(
    listener: TcpListener,
    connections: Arc<Connections>,
) -> impl stream::Stream<Item = std::io::Result<Connection>> {
    stream::unfold((listener, connections), |(listener, connections)| async move {
        let accepted = listener.accept().await;
        let connection = accepted.and_then(|(stream, _)| {
            stream.set_nodelay(true)?;
            Ok(connections.admit(stream))
        });
        Some((connection, (listener, connections)))
    })
}
