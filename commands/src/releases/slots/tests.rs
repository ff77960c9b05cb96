use std::time::Duration;

use chrono::Utc;
use domain::{organisation::Command, recorded::Actor};
use event_log::{event_store::sqlite::SqliteEventStore, execute::Context};
use tempfile::TempDir;
use tokio::time::timeout;
use uuid::Uuid;

use super::*;

/// Long enough for a slot that is free, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

struct Server {
    executor: Executor,
    slots: Arc<Slots>,
    _folder: TempDir,
}

impl Server {
    async fn new(server_max: usize) -> Self {
        let folder = TempDir::new().expect("a folder");
        let store = SqliteEventStore::open(folder.path().join("log.sqlite")).await.expect("a log");
        let executor = Executor::new(Arc::new(store), Utc::now);
        Self { executor, slots: Slots::new(server_max), _folder: folder }
    }

    async fn organisation(&self, name: &str, slots: u16) -> OrganisationId {
        let name = name.parse().expect("a name");
        let id = OrganisationId::named(&name);
        for command in [Command::Create { name }, Command::SetBuildSlots { slots }] {
            let context = Context::of(Actor::CommandLine);
            self.executor.execute::<Organisation>(id.0, command, &context).await.expect("executed");
        }
        id
    }

    async fn acquire(&self, organisation: OrganisationId, release: u128) -> Slot {
        let release = ReleaseId(Uuid::from_u128(release));
        timeout(SOON, self.slots.acquire(&self.executor, organisation, release))
            .await
            .expect("a free slot")
            .expect("a readable log")
    }

    /// Asked for once, is there no slot?
    async fn is_full(&self, organisation: OrganisationId, release: u128) -> bool {
        let asked = self.slots.acquire(&self.executor, organisation, ReleaseId(Uuid::from_u128(release)));
        // The log is read from memory and disk in far less; a wrong grant would come at once.
        timeout(Duration::from_millis(300), asked).await.is_err()
    }
}

#[tokio::test]
async fn an_organisation_builds_as_many_releases_as_it_has_slots() {
    let server = Server::new(10).await;
    let acme = server.organisation("acme", 1).await;
    let first = server.acquire(acme, 1).await;
    assert!(server.is_full(acme, 2).await);
    drop(first);
    server.acquire(acme, 3).await;
}

#[tokio::test]
async fn one_organisation_does_not_hold_up_another() {
    let server = Server::new(10).await;
    let (acme, other) = (server.organisation("acme", 1).await, server.organisation("other", 1).await);
    let _held = server.acquire(acme, 1).await;
    server.acquire(other, 2).await;
}

#[tokio::test]
async fn the_server_has_a_limit_of_its_own() {
    let server = Server::new(1).await;
    let (acme, other) = (server.organisation("acme", 5).await, server.organisation("other", 5).await);
    let held = server.acquire(acme, 1).await;
    assert!(server.is_full(other, 2).await);
    drop(held);
    server.acquire(other, 3).await;
}

#[tokio::test]
async fn a_release_that_gives_up_waiting_leaves_the_line() {
    let server = Server::new(1).await;
    let acme = server.organisation("acme", 1).await;
    let held = server.acquire(acme, 1).await;
    assert!(server.is_full(acme, 2).await);
    drop(held);
    // Were release 2 still first in line, no other release would ever get the slot.
    server.acquire(acme, 3).await;
}
