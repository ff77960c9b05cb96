use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{
    ids::{OrganisationId, RepositoryId},
    keyring::{self, Keyring},
    organisation::{self, Organisation},
    recorded::{Actor, Revision},
};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::event_store::{Filter, LogReader, sqlite::SqliteEventStore};

struct Log {
    store: Arc<SqliteEventStore>,
    _folder: TempDir,
}

impl Log {
    async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let store = Arc::new(SqliteEventStore::open(folder.path().join("log.sqlite")).await.expect("a log"));
        Self { store, _folder: folder }
    }

    /// An executor with a separate cache, as on another node.
    fn node(&self) -> Arc<Executor> {
        Arc::new(Executor::new(self.store.clone(), noon))
    }

    async fn names(&self) -> Vec<String> {
        let page = self.store.read_all(Position(0), &Filter::all(), 1_000).await.expect("readable");
        page.events.into_iter().map(|recorded| recorded.event.name).collect()
    }
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

fn acme() -> Uuid {
    OrganisationId::named(&"acme".parse().expect("a name")).0
}

fn create() -> organisation::Command {
    organisation::Command::Create { name: "acme".parse().expect("a name") }
}

fn issue(n: usize) -> keyring::Command {
    keyring::Command::IssueAccessKey {
        key: domain::ids::AccessKeyId(Uuid::from_u128(n as u128)),
        name: format!("key-{n}").parse().expect("a name"),
        secret_sha256: domain::digest::Sha256::of(&n.to_be_bytes()),
        terms: keyring::Terms::Shared { expires_at: None },
        now: noon(),
    }
}

fn operator() -> Context {
    Context::of(Actor::CommandLine)
}

#[tokio::test]
async fn a_command_is_decided_on_what_the_log_holds_and_recorded_with_who_and_when() {
    let log = Log::new().await;
    let context = operator();
    let executed = log.node().execute::<Organisation>(acme(), create(), &context).await.expect("created");
    assert_eq!(executed.revision, Revision(1));
    let page = log.store.read_all(Position(0), &Filter::all(), 10).await.expect("readable");
    let metadata = &page.events[0].metadata;
    assert_eq!((metadata.recorded_at, metadata.command_id), (noon(), context.command_id));
    assert_eq!(executed.position, Some(page.events[0].position));
}

#[tokio::test]
async fn a_refusal_records_nothing() {
    let log = Log::new().await;
    let node = log.node();
    node.execute::<Organisation>(acme(), create(), &operator()).await.expect("created");
    let refused = node.execute::<Organisation>(acme(), create(), &operator()).await.expect_err("taken");
    assert!(matches!(refused, ExecuteError::Refused(organisation::Refusal::NameTaken(_))));
    assert_eq!(log.names().await, ["organisation.created"]);
}

#[tokio::test]
async fn what_is_so_already_records_nothing() {
    let log = Log::new().await;
    let node = log.node();
    node.execute::<Organisation>(acme(), create(), &operator()).await.expect("created");
    let same = organisation::Command::SetBuildSlots { slots: organisation::BUILD_SLOTS_DEFAULT };
    let executed = node.execute::<Organisation>(acme(), same, &operator()).await.expect("nothing to do");
    assert_eq!((executed.position, executed.revision), (None, Revision(1)));
}

#[tokio::test]
async fn a_node_that_is_behind_the_log_decides_again() {
    let log = Log::new().await;
    let (first, second) = (log.node(), log.node());
    // The second node remembers the stream as empty.
    let unknown = second.inspect::<Organisation, _>(acme(), |state, _| *state == Organisation::Unknown).await;
    assert!(unknown.expect("readable"));
    first.execute::<Organisation>(acme(), create(), &operator()).await.expect("created");
    let taken = second.execute::<Organisation>(acme(), create(), &operator()).await.expect_err("taken");
    assert!(matches!(taken, ExecuteError::Refused(_)));
    let slots = organisation::Command::SetBuildSlots { slots: 7 };
    second.execute::<Organisation>(acme(), slots, &operator()).await.expect("set");
    let seen = first.inspect::<Organisation, _>(acme(), |state, revision| (state.build_slots(), revision)).await;
    assert_eq!(seen.expect("readable"), (7, Revision(2)));
}

#[tokio::test]
async fn a_refusal_by_an_outdated_memory_is_not_believed() {
    let log = Log::new().await;
    let (first, second) = (log.node(), log.node());
    let early = organisation::Command::SetBuildSlots { slots: 3 };
    assert!(second.execute::<Organisation>(acme(), early.clone(), &operator()).await.is_err());
    first.execute::<Organisation>(acme(), create(), &operator()).await.expect("created");
    second.execute::<Organisation>(acme(), early, &operator()).await.expect("it exists by now");
}

#[tokio::test]
async fn commands_of_two_nodes_on_one_stream_all_arrive() {
    let log = Log::new().await;
    let nodes = [log.node(), log.node()];
    let repository = RepositoryId(Uuid::from_u128(1)).0;
    let tasks = (0..40).map(|n| {
        let node = nodes[n % 2].clone();
        tokio::spawn(async move { node.execute::<Keyring>(repository, issue(n), &operator()).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic").expect("issued");
    }
    assert_eq!(log.names().await.len(), 40);
}

/// Enough for about two keyrings of [`fill`].
const STATES_MAX_BYTES: u64 = 16 * 1024;

async fn fill(node: &Executor, repository: u128) {
    for n in 0..20 {
        node.execute::<Keyring>(Uuid::from_u128(repository), issue(n), &operator()).await.expect("issued");
    }
}

#[tokio::test]
async fn states_in_memory_are_limited_by_what_they_weigh_and_not_by_their_number() {
    let log = Log::new().await;
    let node = Executor::keeping(log.store.clone(), noon, STATES_MAX_BYTES);
    for repository in 0..10 {
        fill(&node, repository).await;
    }
    node.states.run_pending_tasks();
    let in_memory: usize = node.states.iter().map(|(_, cached)| cached.weight_bytes.load(Ordering::Relaxed)).sum();
    assert!((1..10).contains(&node.states.entry_count()), "{} states", node.states.entry_count());
    assert!(in_memory as u64 <= STATES_MAX_BYTES, "{in_memory} bytes");
    assert!(in_memory as u64 > STATES_MAX_BYTES / 4, "{in_memory} bytes: a keyring weighs more than its type does");
}

#[tokio::test]
async fn a_state_that_is_heavier_than_the_cache_is_cached() {
    let log = Log::new().await;
    let node = Executor::keeping(log.store.clone(), noon, 2 * 1024);
    fill(&node, 1).await;
    node.states.run_pending_tasks();
    let in_memory: Vec<usize> =
        node.states.iter().map(|(_, cached)| cached.weight_bytes.load(Ordering::Relaxed)).collect();
    assert!(matches!(in_memory[..], [bytes] if bytes > 2 * 1024), "{in_memory:?}");
}
