//! The double as tests see it: a cluster on this machine that keeps its log while its nodes come and go.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex as BlockingMutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Mutex;

use crate::{
    faults::{Fault, Faults},
    log::Log,
    node::{Node, listen},
};

/// How a double is set up.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many nodes there are. The first that lives is the leader.
    pub nodes: usize,
    /// Most bytes in one append: `--max-append-size` of the real server, whose default this is, too.
    pub append_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { nodes: 1, append_bytes_max: 1024 * 1024 }
    }
}

/// What the nodes have in common.
pub(crate) struct Shared {
    pub(crate) log: Mutex<Log>,
    pub(crate) faults: Faults,
    /// How many reads were answered.
    pub(crate) reads: AtomicU64,
    members: BlockingMutex<Vec<Member>>,
}

/// A node as the others see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) address: SocketAddr,
    pub(crate) is_alive: bool,
}

impl Shared {
    pub(crate) fn members(&self) -> Vec<Member> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number and the address of the leader.
    pub(crate) fn leader(&self) -> Option<(usize, SocketAddr)> {
        let members = self.members();
        let found = members.iter().enumerate().find(|(_, member)| member.is_alive);
        found.map(|(number, member)| (number, member.address))
    }

    fn set_alive(&self, number: usize, is_alive: bool) {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)[number].is_alive = is_alive;
    }
}

/// A double of an EventStoreDB cluster, in this process.
pub struct Double {
    shared: Arc<Shared>,
    nodes: Vec<Option<Node>>,
}

impl Double {
    /// Starts a cluster with an empty log on free ports of this machine.
    pub async fn start(options: Options) -> Self {
        let mut listeners = Vec::new();
        let mut members = Vec::new();
        for _ in 0..options.nodes {
            let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).await;
            members.push(Member { address: listener.local_addr().expect("it listens"), is_alive: true });
            listeners.push(listener);
        }
        let shared = Arc::new(Shared {
            log: Mutex::new(Log::new(options.append_bytes_max)),
            faults: Faults::default(),
            reads: AtomicU64::new(0),
            members: BlockingMutex::new(members),
        });
        let nodes = listeners.into_iter().enumerate();
        let nodes = nodes.map(|(number, listener)| Some(Node::start(Arc::clone(&shared), number, listener))).collect();
        Self { shared, nodes }
    }

    /// A connection string that names all nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self.shared.members().iter().map(|member| member.address.to_string()).collect();
        format!("esdb://{}?tls=false", nodes.join(","))
    }

    /// A connection string that names one node only.
    #[must_use]
    pub fn url_of(&self, node: usize) -> String {
        format!("esdb://{}?tls=false", self.shared.members()[node].address)
    }

    /// Makes the next append fail like that, or the one after those that are to fail already.
    pub fn fail_next(&self, fault: Fault) {
        self.shared.faults.push(fault);
    }

    /// From now on some appends take their time before they are recorded, and again before they are answered.
    pub fn be_slow(&self) {
        self.shared.faults.be_slow();
    }

    /// Records so many events of the system's own, as an idle server does.
    pub async fn system_events(&self, count: usize) {
        self.shared.log.lock().await.push_system_events(count);
    }

    /// How many reads were answered so far.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.shared.reads.load(Ordering::Relaxed)
    }

    /// Ends a node as a power cut would; if it was the leader, another one is now.
    pub async fn kill(&mut self, node: usize) {
        if let Some(running) = self.nodes[node].take() {
            self.shared.set_alive(node, false);
            running.kill().await;
        }
    }

    /// The number of the leader; none if no node lives.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        self.shared.leader().map(|(number, _)| number)
    }

    /// Starts a node that was killed, on its old port.
    pub async fn revive(&mut self, node: usize) {
        if self.nodes[node].is_none() {
            let listener = listen(self.shared.members()[node].address).await;
            self.nodes[node] = Some(Node::start(Arc::clone(&self.shared), node, listener));
            self.shared.set_alive(node, true);
        }
    }

    /// Ends all nodes as a power cut would, and starts them again.
    pub async fn restart(&mut self) {
        for node in 0..self.nodes.len() {
            self.kill(node).await;
        }
        for node in 0..self.nodes.len() {
            self.revive(node).await;
        }
    }
}
