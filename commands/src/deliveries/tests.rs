use std::time::Duration;

use chrono::Utc;
use domain::{
    delivery::{self, Delivery, DeliveryGuid, Outcome},
    ids::{DeliveryId, SecretId},
    names::{OrganisationName, ProjectName},
    project::{ApiUrl, GitUrl, ListedTag},
    recorded::{Actor, Position},
    stream_kind::StreamKind,
};
use event_log::event_store::{Filter, LogReader as _, sqlite::SqliteEventStore};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use workers::Kernel;

use super::*;

/// Long enough for a few appends on a busy machine.
const SOON: Duration = Duration::from_secs(60);

struct Server {
    store: Arc<SqliteEventStore>,
    executor: Arc<Executor>,
    project: ProjectId,
    kernel: Kernel,
    _folder: TempDir,
}

impl Server {
    async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let store = Arc::new(SqliteEventStore::open(&folder.path().join("log.sqlite")).await.expect("a log"));
        let executor = Arc::new(Executor::new(store.clone(), Utc::now));
        let kernel = Kernel::open(store.clone(), folder.path().join("workers.sqlite")).await.expect("a kernel");
        let organisation: OrganisationName = "acme".parse().expect("a name");
        let name: ProjectName = "web".parse().expect("a name");
        let project = ProjectId::named(&organisation, &name);
        let source = GitUrl::parse("https://example.org/web.git", false).expect("a URL");
        let server = Self { store, executor, project, kernel, _folder: folder };
        server.execute(Command::Add { organisation, name, source, trigger: Trigger::GithubWebhook }).await;
        server
    }

    fn start(&self) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(self.kernel.run(Deliveries { executor: self.executor.clone() })))
    }

    async fn execute(&self, command: Command) {
        let context = Context::of(Actor::CommandLine);
        self.executor.execute::<Project>(self.project.0, command, &context).await.expect("executed");
    }

    async fn deliver(&self, guid: &str, outcome: Outcome) {
        let guid: DeliveryGuid = guid.parse().expect("a name");
        let command = delivery::Command::Receive {
            project: self.project,
            delivery: guid.clone(),
            hook_event: "push".into(),
            repository_id: Some(7),
            outcome,
        };
        let (id, context) = (DeliveryId::named(self.project, &guid), Context::of(Actor::GithubWebhook));
        self.executor.execute::<Delivery>(id.0, command, &context).await.expect("executed");
    }

    /// The names of the project's events, when `count` of them are there.
    async fn events(&self, count: usize) -> Vec<String> {
        let mut hint = self.store.hint();
        let look = async {
            loop {
                hint.mark_unchanged();
                let page = self
                    .store
                    .read_all(Position(0), &Filter::kinds([StreamKind::Project]), 1_000)
                    .await
                    .expect("readable");
                if page.events.len() >= count {
                    return page.events.into_iter().map(|recorded| recorded.event.name).collect();
                }
                hint.changed().await.expect("the log is open");
            }
        };
        timeout(SOON, look).await.expect("the events come")
    }

    async fn release_of(&self, name: &str) -> Option<ReleaseId> {
        let look = |project: &Project, _| project.added().and_then(|added| added.releases.get(&tag(name)).copied());
        self.executor.inspect::<Project, _>(self.project.0, look).await.expect("readable")
    }
}

fn tag(name: &str) -> TagName {
    name.parse().expect("a tag")
}

fn wanted(name: &str) -> Outcome {
    Outcome::Tag { tag: tag(name) }
}

const ADDED: &str = "project.added";
const ACCEPTED: &str = "project.trigger_accepted";
const FREED: &str = "project.tag_freed";
const DELETED: &str = "project.tag_deleted";

#[tokio::test]
async fn three_deliveries_of_one_tag_are_one_release() {
    let server = Server::new().await;
    let _worker = server.start();
    for guid in ["create", "push", "release"] {
        server.deliver(guid, wanted("v1")).await;
    }
    server.deliver("other", wanted("v2")).await;
    assert_eq!(server.events(3).await, [ADDED, ACCEPTED, ACCEPTED]);
    assert!(server.release_of("v1").await.is_some() && server.release_of("v2").await.is_some());
}

#[tokio::test]
async fn a_tag_from_before_the_connection_is_a_new_one_when_it_is_made_again() {
    let server = Server::new().await;
    let known = |tags: &[&str]| {
        let listed = |name: &&str| ListedTag { tag: tag(name), release: ReleaseId(Uuid::now_v7()) };
        Command::ReconcileTags { repository_id: 7, tags: tags.iter().map(listed).collect() }
    };
    server
        .execute(Command::ConnectGithub {
            repository_id: 7,
            full_name: "acme/web".parse().expect("a name"),
            api_url: ApiUrl::default(),
            credential: None,
            webhook_secret: SecretId(Uuid::now_v7()),
        })
        .await;
    server.execute(known(&["v1"])).await;
    let _worker = server.start();
    server.deliver("gone", Outcome::TagDeleted { tag: tag("v1") }).await;
    let before = [ADDED, "project.github_connected", "project.webhook_secret_issued", "project.tags_known"];
    assert_eq!(server.events(5).await, [&before[..], &[DELETED]].concat());
    // Its delivery was lost: it is found.
    server.execute(known(&["v1"])).await;
    assert_eq!(server.events(6).await[5], ACCEPTED);
}

#[tokio::test]
async fn what_was_taken_in_before_a_crash_is_released_after_it() {
    let server = Server::new().await;
    server.deliver("push", wanted("v1")).await;
    let worker = server.start();
    server.events(2).await;
    drop(worker);
    let _again = server.start();
    server.deliver("next", wanted("v2")).await;
    assert_eq!(server.events(3).await, [ADDED, ACCEPTED, ACCEPTED], "v1 is not released again");
}

#[tokio::test]
async fn an_old_delivery_does_not_repeat_a_release_that_failed() {
    let server = Server::new().await;
    let worker = server.start();
    server.deliver("create", wanted("v1")).await;
    server.events(2).await;
    let release = server.release_of("v1").await.expect("a release");
    server.execute(Command::FreeTag { tag: tag("v1"), release }).await;
    // GitHub's second word about the same tag comes late, and the server is started again.
    server.deliver("push", wanted("v1")).await;
    drop(worker);
    let _again = server.start();
    server.deliver("next", wanted("v2")).await;
    assert_eq!(server.events(4).await, [ADDED, ACCEPTED, FREED, ACCEPTED]);
    assert_eq!(server.release_of("v1").await, None);
}

#[tokio::test]
async fn a_tag_that_was_deleted_and_pushed_again_after_a_failure_is_released_again() {
    let server = Server::new().await;
    let worker = server.start();
    server.deliver("create", wanted("v1")).await;
    server.events(2).await;
    let release = server.release_of("v1").await.expect("a release");
    server.execute(Command::FreeTag { tag: tag("v1"), release }).await;
    // No worker acts on these two before the next start.
    drop(worker);
    server.deliver("delete", Outcome::TagDeleted { tag: tag("v1") }).await;
    server.deliver("create-2", wanted("v1")).await;
    let _again = server.start();
    assert_eq!(server.events(5).await, [ADDED, ACCEPTED, FREED, DELETED, ACCEPTED]);
}
