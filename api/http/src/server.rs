//! Accepting connections: hyper under a router, with the limits and time-outs that `axum::serve` does not have.

#[cfg(test)]
mod tests;

use std::{pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{client_address::Peer, observe, strict_io::StrictIo};

/// The limits of connections.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The maximum number of connections. Further ones are answered with 503.
    pub connections_max: usize,
    /// The time-out from the opening of a connection, or the last response, to the end of the next request's head. It is also how long
    /// an idle connection stays open.
    pub head_max: Duration,
    /// The maximum size of a head: request line and headers. A larger one is answered with 431.
    pub head_max_bytes: usize,
    /// How long a client may read nothing of a response before the connection is closed.
    pub stalled_max: Duration,
    /// How long open requests may continue when the server stops.
    pub drain_max: Duration,
}

/// The maximum number of connections, if the limit of open files permits it.
const CONNECTIONS_MAX: usize = 10_000;
/// Each connection needs one file, and one more for the file that it sends.
const FILES_PER_CONNECTION: u64 = 2;
/// Files for everything else: databases, logs of releases, programs that are run.
const OTHER_FILES: u64 = 512;

impl Limits {
    /// For a process that may have so many files open: connections get an answer that it is busy before others find that nothing can
    /// be opened any more.
    #[must_use]
    pub fn with_open_files(limit: u64) -> Self {
        let connections = usize::try_from(limit.saturating_sub(OTHER_FILES) / FILES_PER_CONNECTION);
        let connections_max = connections.unwrap_or(CONNECTIONS_MAX).clamp(1, CONNECTIONS_MAX);
        if connections_max < CONNECTIONS_MAX {
            tracing::info!(
                "this process may open {limit} files: connections beyond {connections_max} are answered 503"
            );
        }
        Self { connections_max, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            head_max: Duration::from_secs(30),
            head_max_bytes: 32 * 1024,
            stalled_max: Duration::from_secs(60),
            drain_max: Duration::from_secs(30),
        }
    }
}

/// Connections beyond the limit that are answered so at the same time; one more waits in the kernel.
const BUSY_ANSWERS_MAX: usize = 64;
/// How long such an answer may take.
const BUSY_ANSWER_MAX: Duration = Duration::from_secs(1);
const BUSY_ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n\
    Content-Length: 0\r\n\r\n";
/// The pause after a failed accept: the process is out of files, and an immediate retry would only waste CPU time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` until `stop`, then lets open requests end.
///
/// Returns once the last connection is closed, at most `drain_max` after `stop`.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let server = Server::new(router, limits, stop);
    loop {
        let accepted = tokio::select! {
            () = server.stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => server.take(stream, Peer(address.ip())).await,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    server.drain().await;
}

struct Server {
    router: Router,
    limits: Limits,
    http: http1::Builder,
    places: Arc<Semaphore>,
    busy_places: Arc<Semaphore>,
    connections: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Server {
    fn new(router: Router, limits: Limits, stop: CancellationToken) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.head_max)
            .max_header_size(limits.head_max_bytes)
            .max_buf_size(limits.head_max_bytes.max(MIN_BUFFER_BYTES));
        Self {
            router,
            http,
            places: Arc::new(Semaphore::new(limits.connections_max)),
            busy_places: Arc::new(Semaphore::new(BUSY_ANSWERS_MAX)),
            connections: TaskTracker::new(),
            stop,
            cut: CancellationToken::new(),
            limits,
        }
    }

    /// Serves the connection, or refuses it if there are too many.
    async fn take(&self, stream: TcpStream, peer: Peer) {
        // Without it, the end of a response waits for the client's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            self.connections.spawn(self.converse(stream, peer, place));
        } else if let Ok(place) = self.busy_places.clone().acquire_owned().await {
            self.connections.spawn(tell_busy(stream, place));
        }
    }

    /// Serves the requests of one connection.
    fn converse(
        &self,
        stream: TcpStream,
        peer: Peer,
        place: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + 'static + use<> {
        let (stop, cut) = (self.stop.clone(), self.cut.clone());
        let io = StrictIo::new(stream, self.limits.head_max_bytes, self.limits.stalled_max);
        let (router, notes) = (self.router.clone(), io.notes());
        let service = service_fn(move |request| observe::answer(router.clone(), notes.clone(), peer, request));
        let connection = self.http.serve_connection(TokioIo::new(io), service).with_upgrades();
        async move {
            let _place = place;
            let mut connection = pin!(connection);
            let result = tokio::select! {
                result = connection.as_mut() => result,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        result = connection.as_mut() => result,
                        () = cut.cancelled() => return,
                    }
                }
            };
            if let Err(error) = result {
                tracing::debug!(%error, "connection ended early");
            }
        }
    }

    async fn drain(self) {
        self.connections.close();
        if timeout(self.limits.drain_max, self.connections.wait()).await.is_err() {
            tracing::warn!("cutting {} connections that did not end in time", self.connections.len());
            self.cut.cancel();
            self.connections.wait().await;
        }
    }
}

/// hyper's smallest permitted buffer.
const MIN_BUFFER_BYTES: usize = 8192;

/// Reads first: closing a socket with unread bytes resets it, and the answer would be lost.
async fn tell_busy(mut stream: TcpStream, _place: OwnedSemaphorePermit) {
    let answer = async {
        let mut head = [0; 4096];
        let _any = stream.read(&mut head).await?;
        stream.write_all(BUSY_ANSWER).await?;
        stream.shutdown().await
    };
    if let Ok(Err(error)) = timeout(BUSY_ANSWER_MAX, answer).await {
        tracing::debug!(%error, "connection ended before it was answered 503");
    }
}
