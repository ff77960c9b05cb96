//! Where the contract tests run: against the double, or against a real cluster.

use std::sync::Arc;

use domain::recorded::{Position, RawEvent, Recorded, Revision, StreamId};
use event_log::event_store::{
    APPEND_BYTES_MAX, AppendError, Appended, EventStore, EventStoreDbUrl, Expected, Filter, LogReader, NewEvent, Page,
    ReadError,
    conformance::{Backend, Fault},
};
use eventstoredb_double::{Double, Fault as Failure, Options};
use futures::future::{BoxFuture, join_all};
use tokio::sync::{Mutex, MutexGuard, watch};

use super::super::EventStoreDbEventStore;

/// Names the connection string of a cluster that may be filled with the suite's events.
const REAL: &str = "PKGDEPLOY_TEST_KURRENTDB";
/// The cases count all events of the log: on a shared one, only one of them at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

pub(super) struct Cluster {
    servers: Servers,
    url: EventStoreDbUrl,
    nodes: Vec<Arc<EventStoreDbEventStore>>,
}

enum Servers {
    Double(Double),
    /// Its log had an end before the case began.
    Real {
        begin: Position,
        _alone: MutexGuard<'static, ()>,
    },
}

impl Cluster {
    pub(super) async fn new() -> Self {
        let Ok(text) = std::env::var(REAL) else {
            // The types of events count twice at the server, and our own metadata has a frame.
            let double = Double::start(Options { nodes: 3, append_bytes_max: 2 * APPEND_BYTES_MAX }).await;
            let url = double.url().parse().expect("a URL");
            return Self { servers: Servers::Double(double), url, nodes: Vec::new() };
        };
        let url: EventStoreDbUrl = text.parse().unwrap_or_else(|()| panic!("{REAL} is no esdb:// URL"));
        let alone = ALONE.lock().await;
        let store = EventStoreDbEventStore::open(&url).await.expect("the cluster is an event log");
        let begin = store.head().await.expect("it has an end");
        store.close().await;
        Self { servers: Servers::Real { begin, _alone: alone }, url, nodes: Vec::new() }
    }

    async fn open(&mut self) -> Arc<dyn EventStore> {
        let node = Arc::new(EventStoreDbEventStore::open(&self.url).await.expect("the log opens"));
        self.nodes.push(Arc::clone(&node));
        match self.servers {
            Servers::Double(_) => node,
            Servers::Real { begin, .. } => Arc::new(Since { node, begin }),
        }
    }
}

impl Backend for Cluster {
    fn start(&mut self) -> BoxFuture<'_, Arc<dyn EventStore>> {
        Box::pin(async {
            join_all(self.nodes.drain(..).map(|node| async move { node.close().await })).await;
            self.open().await
        })
    }

    fn another_node(&mut self) -> BoxFuture<'_, Option<Arc<dyn EventStore>>> {
        Box::pin(async { Some(self.open().await) })
    }

    fn inject(&mut self, fault: Fault) -> BoxFuture<'_, Option<Arc<dyn EventStore>>> {
        Box::pin(async move {
            let Servers::Double(double) = &mut self.servers else { return None };
            match fault {
                Fault::LostAcknowledgement => double.fail_next(Failure::LostAcknowledgement),
                Fault::DeadNode => {
                    let leader = double.leader().expect("a node is running");
                    double.kill(leader).await;
                    // The one that died before is back, so that there is always a majority.
                    for node in (0..3).filter(|node| *node != leader) {
                        double.revive(node).await;
                    }
                }
                Fault::Restart => double.restart().await,
                Fault::SlowCommits => double.be_slow(),
            }
            Some(Arc::clone(self.nodes.last()?) as Arc<dyn EventStore>)
        })
    }
}

/// An error and its causes, as an operator sees them.
pub(super) fn error_text(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A log without what was in it before.
struct Since {
    node: Arc<EventStoreDbEventStore>,
    begin: Position,
}

impl LogReader for Since {
    fn read_all<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        self.node.read_all(after.max(self.begin), filter, limit)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, ReadError>> {
        self.node.head()
    }

    fn hint(&self) -> watch::Receiver<Position> {
        self.node.hint()
    }
}

impl EventStore for Since {
    fn append<'a>(
        &'a self,
        stream: &'a StreamId,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> BoxFuture<'a, Result<Appended, AppendError>> {
        self.node.append(stream, expected, events)
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Recorded<RawEvent>>, ReadError>> {
        self.node.read_stream(stream, after, limit)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.node.close()
    }
}
