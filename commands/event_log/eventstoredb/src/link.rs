//! The client of the cluster, created again when it has failed.
//!
//! The client of the crate `eventstore` does not recover from a failed connection or a dead node, and its open call for
//! appends ends with the first append that is refused. So both are in a slot, and are dropped at the first error.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eventstore::{BatchAppendClient, Client, ClientSettings};
use tokio::{sync::Mutex, time::timeout};

/// How long a new connection may take before the cluster counts as unreachable.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Least time between two attempts; doubled after each that failed.
const BACK_OFF_MIN: Duration = Duration::from_millis(25);
/// Most time between two attempts.
const BACK_OFF_MAX: Duration = Duration::from_secs(1);

/// A client that has answered, with its open call for appends.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) appends: Arc<BatchAppendClient>,
    /// Distinguishes it from earlier connections.
    number: u64,
}

/// How much of a connection is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// Only the open call for appends.
    Appends,
    /// Everything.
    Client,
}

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot reach EventStoreDB: {0}")]
pub(super) struct Unreachable(Arc<str>);

/// The slot of the connection.
pub(super) struct Link {
    settings: ClientSettings,
    state: Mutex<State>,
}

struct State {
    open: Option<Connection>,
    /// A client without an open call for appends.
    client: Option<Client>,
    number: u64,
    attempted: Option<Instant>,
    failure: Option<Unreachable>,
    back_off: Duration,
}

impl Link {
    pub(super) fn new(settings: ClientSettings) -> Self {
        let state =
            State { open: None, client: None, number: 0, attempted: None, failure: None, back_off: BACK_OFF_MIN };
        Self { settings, state: Mutex::new(state) }
    }

    /// The connection, a new one if there is none. All that wait for one attempt share its failure.
    pub(super) async fn connection(&self) -> Result<Connection, Unreachable> {
        let came = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(open) = &state.open {
            return Ok(open.clone());
        }
        if let (Some(attempted), Some(failure)) = (state.attempted, &state.failure)
            && attempted >= came
        {
            return Err(failure.clone());
        }
        if let (Some(attempted), None) = (state.attempted, &state.client) {
            tokio::time::sleep_until((attempted + state.back_off).into()).await;
        }
        let connected = timeout(CONNECT_LIMIT, self.connect(state.client.take())).await;
        state.attempted = Some(Instant::now());
        let failure = match connected {
            Ok(Ok((client, appends))) => {
                state.number += 1;
                state.failure = None;
                state.back_off = BACK_OFF_MIN;
                let connection = Connection { client, appends: Arc::new(appends), number: state.number };
                state.open = Some(connection.clone());
                return Ok(connection);
            }
            Ok(Err(error)) => Unreachable(words(&error).into()),
            Err(_) => Unreachable(format!("no answer within {CONNECT_LIMIT:?}").into()),
        };
        state.back_off = (state.back_off * 2).min(BACK_OFF_MAX);
        state.failure = Some(failure.clone());
        Err(failure)
    }

    /// Throws `connection` away, if it is still the present one.
    pub(super) async fn discard(&self, connection: &Connection, broken: Broken) {
        let mut state = self.state.lock().await;
        if state.open.as_ref().is_some_and(|open| open.number == connection.number) {
            state.open = None;
            state.client = (broken == Broken::Appends).then(|| connection.client.clone());
        }
    }

    async fn connect(&self, client: Option<Client>) -> eventstore::Result<(Client, BatchAppendClient)> {
        let client = match client {
            Some(client) => client,
            None => Client::new(self.settings.clone())?,
        };
        let appends = client.batch_append(&eventstore::BatchAppendOptions::default()).await?;
        Ok((client, appends))
    }
}

/// What the client's error means here.
pub(super) fn words(error: &eventstore::Error) -> String {
    match error {
        // The client's task has ended in a panic.
        eventstore::Error::ConnectionClosed => "its client could not be set up: are the machine's root certificates \
            installed (ca-certificates), and can the files of the connection string be read?"
            .to_owned(),
        eventstore::Error::NotLeaderException(leader) => format!(
            "the node that was asked is not the leader, {}:{} is: name all nodes, or use esdb+discover://",
            leader.host, leader.port
        ),
        eventstore::Error::UnsupportedFeature => "the server is too old: it cannot append in batches".to_owned(),
        error => error.to_string(),
    }
}
