//! The worker against the double: whatever fails, GitHub ends up as the events want it.

use std::time::Duration;

use building::source::Git;
use chrono::Utc;
use domain::{
    event::{self, Event},
    ids::{CommandId, EventId, ReleaseId, SecretId},
    names::TagName,
    project::{self, Command, CommitState, Github as AtGithub, GithubStep, Project, Trigger},
    recorded::{Actor, Metadata, Position, Recorded, Revision, StreamId},
    release,
    version::ReleaseVersion,
};
use event_log::{
    event_store::{Filter, sqlite::SqliteEventStore},
    execute::{Context, Executor},
};
use stores::secrets::Secrets;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use uuid::Uuid;
use workers::Kernel;

use super::{
    super::{
        TOKEN_PURPOSE, WEBHOOK_SECRET_PURPOSE,
        tests::github_double::{DoubleHook, Fault, GithubCall, GithubDouble, Known},
    },
    backlog::STATUSES_WAITING_MAX,
    *,
};
use crate::github::{Github, HttpSettings};

const PUBLIC_URL: &str = "https://packages.acme.test";
/// Long enough for everything here, on a busy machine.
const SOON: Duration = Duration::from_secs(60);
/// How long the worker waits for an answer that never comes. Answers of the double take far less on a busy machine too.
const TIMEOUT: Duration = Duration::from_secs(3);
const PACE: Pace = Pace {
    retry_first: Duration::from_millis(20),
    retry_max: Duration::from_millis(200),
    look_every: Duration::from_secs(3600),
};

/// A project at the double, and the worker that looks after it.
struct World {
    double: GithubDouble,
    access: Arc<Access>,
    project: ProjectId,
    worker: Option<JoinHandle<()>>,
    pace: Pace,
    kernel: Kernel,
    folder: TempDir,
}

impl World {
    async fn new(source: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let double = GithubDouble::start().await;
        let store = SqliteEventStore::open(&folder.path().join("log.sqlite")).await.expect("a log");
        let access = Access {
            executor: Arc::new(Executor::new(Arc::new(store), Utc::now)),
            secrets: Arc::new(
                Secrets::open(&folder.path().join("secrets"), &folder.path().join("master.key")).expect("a store"),
            ),
            github: Github::new(&HttpSettings { timeout: TIMEOUT, ..HttpSettings::default() }).expect("a client"),
            git: Git { allow_local: true, ..Git::default() },
        };
        let states = folder.path().join("workers.sqlite");
        let kernel = Kernel::open(access.executor.store().clone(), states).await.expect("a kernel");
        let project = ProjectId(Uuid::now_v7());
        let world = Self { double, access: Arc::new(access), project, worker: None, pace: PACE, kernel, folder };
        world
            .run(Command::Add {
                organisation: "acme".parse().expect("a name"),
                name: "shop".parse().expect("a name"),
                source: domain::project::GitUrl::parse(source, true).expect("an address"),
                trigger: Trigger::GithubWebhook,
            })
            .await;
        world
    }

    async fn seal(&self, purpose: &'static str, text: &str) -> SecretId {
        let id = SecretId(Uuid::now_v7());
        self.access.secrets.seal(id.0, purpose, text.as_bytes()).await.expect("sealed");
        id
    }

    async fn connect(&self) -> SecretId {
        let token = self.double.known().token.clone();
        let secret = self.seal(WEBHOOK_SECRET_PURPOSE, &format!("secret-{}", Uuid::now_v7())).await;
        self.run(Command::ConnectGithub {
            repository_id: 42,
            full_name: "acme/shop".parse().expect("a name"),
            api_url: self.double.api_url().parse().expect("an address"),
            credential: Some(self.seal(TOKEN_PURPOSE, &token).await),
            webhook_secret: secret,
        })
        .await;
        secret
    }

    async fn roll(&self) -> SecretId {
        let secret = self.seal(WEBHOOK_SECRET_PURPOSE, &format!("secret-{}", Uuid::now_v7())).await;
        self.run(Command::RollWebhookSecret { secret }).await;
        secret
    }

    async fn run(&self, command: Command) {
        let context = Context::of(Actor::CommandLine);
        self.access.executor.execute::<Project>(self.project.0, command, &context).await.expect("allowed");
    }

    /// A worker that knows what is on disk, as after a start.
    fn start(&mut self) {
        let addresses = Addresses { public_url: PUBLIC_URL.into() };
        let worker = GithubWorker::new(self.access.clone(), addresses, self.pace);
        self.worker = Some(tokio::spawn(self.kernel.run(worker)));
    }

    fn stop(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.abort();
        }
    }

    async fn state(&self) -> AtGithub {
        let github = |project: &Project, _| project.added()?.github.clone();
        self.access.executor.inspect::<Project, _>(self.project.0, github).await.expect("readable").expect("connected")
    }

    /// Waits until the events and the double are as `is_right` says.
    async fn until(&self, what: &str, is_right: impl Fn(&AtGithub, &Known) -> bool) {
        let settled = async {
            while !is_right(&self.state().await, &self.double.known()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(SOON, settled).await.is_err() {
            panic!("{what} does not come: {:#?}\n{:#?}", self.state().await, self.double.known());
        }
    }

    /// Waits until GitHub has one webhook, with the secret sealed under `live`.
    async fn until_settled(&self, what: &str, live: SecretId) {
        let text = self.access.text(live, WEBHOOK_SECRET_PURPOSE, "secret").await.expect("unsealed");
        let url = format!("{PUBLIC_URL}/webhooks/github/{}?secret={live}", self.project);
        let is_live = |hook: &DoubleHook| hook.url == url && hook.secret == *text;
        self.until(what, |events, known| {
            let recorded: Vec<_> = events.webhooks.iter().map(|(id, secret)| (*id, *secret)).collect();
            known.hooks.len() == 1
                && is_live(&known.hooks[0])
                && recorded == [(known.hooks[0].id, live)]
                && events.failing.is_empty()
        })
        .await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}

const FAULTS: [Fault; 7] = [
    Fault::Status(502),
    Fault::Status(403),
    Fault::Status(404),
    Fault::Refuse,
    Fault::AnswerLost,
    Fault::Garbage,
    Fault::Hang,
];

#[tokio::test]
async fn a_connected_project_gets_a_webhook_and_a_deploy_key() {
    let mut world = World::new("git@github.com:acme/shop.git").await;
    let live = world.connect().await;
    world.start();
    world.until_settled("a webhook", live).await;
    world.until("a deploy key", |events, known| events.deploy_key.is_some() && known.keys.len() == 1).await;
    let key = world.double.known().keys[0].clone();
    let installed = world.state().await.deploy_key.expect("installed");
    assert_eq!((key.id, &key.key, key.read_only), (installed.deploy_key_id, &installed.public_key, true));
    assert_eq!(key.title, format!("pkgdeploy {PUBLIC_URL}/webhooks/github/{}", world.project));
    let opened = super::super::source_key(&world.access.executor, &world.access.secrets, world.project).await;
    assert!(opened.expect("it opens").is_some());
}

#[tokio::test]
async fn code_that_is_not_fetched_over_ssh_needs_no_deploy_key() {
    let mut world = World::new("https://github.com/acme/shop.git").await;
    let live = world.connect().await;
    world.start();
    world.until_settled("a webhook", live).await;
    assert!(!world.double.known().calls.contains(&GithubCall::CreateKey));
}

#[tokio::test]
async fn a_roll_ends_in_the_right_state_whatever_fails_in_it() {
    let mut world = World::new("/srv/git/shop").await;
    let live = world.connect().await;
    world.start();
    world.until_settled("a webhook", live).await;
    for call in [
        GithubCall::Repository,
        GithubCall::ListTags,
        GithubCall::ListHooks,
        GithubCall::CreateHook,
        GithubCall::DeleteHook,
    ] {
        for fault in &FAULTS {
            let times = if *fault == Fault::Hang { 1 } else { 2 };
            world.double.fails(call, fault, times);
            let live = world.roll().await;
            world.until_settled(&format!("the end of a roll with {call:?} and {fault:?}"), live).await;
            let came = world.double.faults_left();
            assert!(came < times, "{call:?} was not made: {came} left");
            world.double.known().forget_faults();
        }
    }
    let names = Filter::names(["project.github_step_failed"]);
    let failed = world.access.executor.store().read_all(Position(0), &names, 1000);
    assert!(!failed.await.expect("readable").events.is_empty(), "failures are recorded");
}

#[tokio::test]
async fn rolls_that_overtake_each_other_leave_one_webhook_even_if_answers_were_lost() {
    let mut world = World::new("/srv/git/shop").await;
    world.connect().await;
    world.double.fails(GithubCall::CreateHook, &Fault::AnswerLost, 2);
    world.start();
    world.until("a webhook whose answer was lost", |_, known| !known.hooks.is_empty()).await;
    world.roll().await;
    let live = world.roll().await;
    world.until_settled("one webhook", live).await;
}

#[tokio::test]
async fn a_roll_goes_on_where_a_crash_left_it() {
    let mut world = World::new("git@github.com:acme/shop.git").await;
    world.connect().await;
    world.start();
    world.until("both", |events, _| events.deploy_key.is_some() && events.webhooks.len() == 1).await;
    let key = world.state().await.deploy_key;
    for moment in [GithubCall::CreateHook, GithubCall::DeleteHook, GithubCall::ListHooks] {
        let before = world.double.known().calls.iter().filter(|call| **call == moment).count();
        let live = world.roll().await;
        // The moment it was called, its answer may be on its way: that is when the worker dies.
        world.until("the call", |_, known| known.calls.iter().filter(|call| **call == moment).count() > before).await;
        world.stop();
        world.start();
        world.until_settled(&format!("the end of a roll that died in {moment:?}"), live).await;
    }
    assert_eq!(world.state().await.deploy_key, key, "a roll leaves the access to the code alone");
    assert_eq!(world.double.known().keys.len(), 1);
}

#[tokio::test]
async fn a_failure_is_told_once_and_its_end_too() {
    let mut world = World::new("/srv/git/shop").await;
    world.double.fails(GithubCall::Repository, &Fault::Status(500), 4);
    world.double.fails(GithubCall::Repository, &Fault::Status(403), 2);
    let live = world.connect().await;
    world.start();
    world.until_settled("a webhook", live).await;
    let names = Filter::names(["project.github_step_failed", "project.github_step_recovered"]);
    let page = world.access.executor.store().read_all(Position(0), &names, 100).await.expect("readable");
    let recorded = page.events.iter().map(|recorded| match event::decode(&recorded.event).expect("ours") {
        Event::Project(project::Event::GithubStepFailed { step, code, .. }) => (step, code),
        Event::Project(project::Event::GithubStepRecovered { step }) => (step, "recovered".to_owned()),
        other => panic!("{other:?}"),
    });
    let find = GithubStep::FindRepository;
    let expected = ["server_error", "forbidden", "recovered"].map(|code| (find, code.to_owned()));
    assert_eq!(recorded.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn github_is_left_alone_as_long_as_it_asks_for() {
    let mut world = World::new("/srv/git/shop").await;
    world.double.fails(GithubCall::Repository, &Fault::RateLimited(1), 1);
    let live = world.connect().await;
    let began = Instant::now();
    world.start();
    world.until_settled("a webhook", live).await;
    assert!(began.elapsed() >= Duration::from_secs(1), "it was asked too early");
}

#[tokio::test]
async fn another_repository_of_the_same_name_is_not_touched() {
    let mut world = World::new("git@github.com:acme/shop.git").await;
    world.double.known().repository_id = 43;
    world.connect().await;
    world.start();
    let is_told = |events: &AtGithub, _: &Known| {
        events.failing.get(&GithubStep::FindRepository).is_some_and(|(code, _)| code == "other_repository")
    };
    world.until("the failure", is_told).await;
    let calls = world.double.known().calls.clone();
    assert!(calls.iter().all(|call| *call == GithubCall::Repository), "{calls:?}");
}

#[tokio::test]
async fn a_webhook_that_was_removed_by_hand_comes_back_and_those_of_others_stay() {
    let mut world = World::new("/srv/git/shop").await;
    world.pace.look_every = Duration::from_millis(50);
    let live = world.connect().await;
    world.start();
    world.until_settled("a webhook", live).await;
    let foreign = DoubleHook {
        id: 1,
        url: format!("https://other.acme.test/webhooks/github/{}?secret={live}", world.project),
        secret: "x".into(),
        events: vec![],
    };
    world.double.known().hooks = vec![foreign.clone()];
    world.until("a new webhook", |events, known| known.hooks.len() == 2 && events.webhooks.len() == 1).await;
    assert_eq!(world.double.known().hooks[0], foreign);
}

#[tokio::test]
async fn a_disconnected_project_leaves_nothing_at_github() {
    let mut world = World::new("git@github.com:acme/shop.git").await;
    world.connect().await;
    world.start();
    world.until("both", |events, known| events.deploy_key.is_some() && known.hooks.len() == 1).await;
    world.double.fails(GithubCall::DeleteKey, &Fault::AnswerLost, 1);
    world.double.fails(GithubCall::DeleteHook, &Fault::AnswerLost, 1);
    world.run(Command::DisconnectGithub).await;
    world
        .until("nothing", |events, known| {
            events.deploy_key.is_none() && events.webhooks.is_empty() && known.hooks.is_empty() && known.keys.is_empty()
        })
        .await;
    // Token, webhook secret and key are of no use any more, and are deleted.
    let secrets = world.folder.path().join("secrets");
    while std::fs::read_dir(&secrets).expect("a folder").count() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_project_that_is_triggered_otherwise_for_a_while_gets_its_webhook_back() {
    let mut world = World::new("/srv/git/shop").await;
    let live = world.connect().await;
    world.start();
    world.until_settled("a webhook", live).await;
    world.run(Command::ChooseTrigger { trigger: Trigger::ApiEndpoint }).await;
    world.until("no webhook", |events, known| events.webhooks.is_empty() && known.hooks.is_empty()).await;
    world.run(Command::ChooseTrigger { trigger: Trigger::GithubWebhook }).await;
    world.until_settled("the webhook", live).await;
}

#[tokio::test]
async fn a_deploy_key_whose_answer_was_lost_is_replaced() {
    for fault in FAULTS {
        let mut world = World::new("git@github.com:acme/shop.git").await;
        for call in [GithubCall::ListKeys, GithubCall::CreateKey] {
            world.double.fails(call, &fault, 1);
        }
        world.connect().await;
        world.start();
        let is_one = |events: &AtGithub, known: &Known| {
            let ids: Vec<u64> = known.keys.iter().map(|key| key.id).collect();
            events.deploy_key.as_ref().is_some_and(|key| ids == [key.deploy_key_id])
        };
        world.until(&format!("one key after {fault:?}"), is_one).await;
    }
}

#[tokio::test]
async fn tags_from_before_stay_and_a_missed_one_is_released_once() {
    let mut world = World::new("/srv/git/shop").await;
    world.pace.look_every = Duration::from_millis(50);
    world.double.known().tags = vec!["v0.9".into()];
    let live = world.connect().await;
    world.start();
    world.until_settled("a webhook", live).await;
    world.double.known().tags.extend(["v1.0".into(), "docs".into()]);
    let releases = async || {
        let of = |project: &Project, _| project.added().map(|added| added.releases.keys().cloned().collect::<Vec<_>>());
        world.access.executor.inspect::<Project, _>(world.project.0, of).await.expect("readable").unwrap_or_default()
    };
    while releases().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let looks = world.double.known().calls.iter().filter(|call| **call == GithubCall::ListTags).count();
    world
        .until("more looks", |_, known| {
            known.calls.iter().filter(|call| **call == GithubCall::ListTags).count() > looks + 3
        })
        .await;
    assert_eq!(releases().await, ["v1.0".parse::<TagName>().expect("a tag")]);
}

#[tokio::test]
async fn without_a_token_the_tags_are_read_by_git() {
    let upstream = TempDir::new().expect("a folder");
    let git = |script: &str| {
        let script = format!("set -eu; git() {{ command git -c user.name=a -c user.email=a@b \"$@\"; }}; {script}");
        let ran = std::process::Command::new("sh").args(["-c", &script]).current_dir(upstream.path()).status();
        assert!(ran.expect("sh runs").success(), "{script}");
    };
    git("git init -q; git commit -q --allow-empty -m x; git tag v0.9");
    let mut world = World::new(upstream.path().to_str().expect("a plain path")).await;
    world.pace.look_every = Duration::from_millis(50);
    world
        .run(Command::ConnectGithub {
            repository_id: 42,
            full_name: "acme/shop".parse().expect("a name"),
            api_url: world.double.api_url().parse().expect("an address"),
            credential: None,
            webhook_secret: world.seal(WEBHOOK_SECRET_PURPOSE, "by hand").await,
        })
        .await;
    world.start();
    let tags = async || {
        let look = |project: &Project, _| {
            let added = project.added().expect("a project");
            (added.known_tags.is_complete, added.releases.keys().map(ToString::to_string).collect::<Vec<_>>())
        };
        world.access.executor.inspect::<Project, _>(world.project.0, look).await.expect("readable")
    };
    while !tags().await.0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    git("git tag v1.0; git tag v1.1; git tag v1.2; git tag v1.3");
    while tags().await.1.len() < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(tags().await.1, ["v1.0", "v1.1", "v1.2", "v1.3"]);
    assert!(world.double.known().calls.is_empty(), "there is no token to ask GitHub with");
}

#[tokio::test]
async fn a_release_is_marked_at_its_commit_as_it_goes() {
    let mut world = World::new("/srv/git/shop").await;
    let live = world.connect().await;
    world.start();
    world.until_settled("a webhook", live).await;
    let release = ReleaseId(Uuid::now_v7());
    world.double.fails(GithubCall::CreateStatus, &Fault::AnswerLost, 1);
    world.run(trigger("v1.0", release)).await;
    let record = async |command: release::Command| {
        let context = Context::of(Actor::CommandLine);
        world.access.executor.execute::<release::Release>(release.0, command, &context).await.expect("allowed");
    };
    let (organisation, project) = ("acme".parse().expect("a name"), world.project);
    let (tag, version) = (tag("v1.0"), version("v1.0"));
    record(release::Command::Receive(release::Origin { organisation, project, tag, version })).await;
    record(release::Command::GrantBuildSlot).await;
    let commit: project::CommitId = "c0ffee0000c0ffee0000c0ffee0000c0ffee0000".parse().expect("a commit");
    record(release::Command::RecordCheckout { commit: commit.clone(), committed_at: Utc::now() }).await;
    world.until("pending", |events, _| events.reported.get(&release) == Some(&CommitState::Pending)).await;
    let (step, code, message) = (release::Step::Building, "command_failed".to_owned(), String::new());
    record(release::Command::Fail { step, code, message, log: None }).await;
    world.until("failure", |events, _| events.reported.get(&release) == Some(&CommitState::Failure)).await;
    let statuses = world.double.known().statuses.clone();
    let states: Vec<&str> = statuses.iter().map(|status| status.state.as_str()).collect();
    assert_eq!(states, ["pending", "pending", "failure"], "the first answer was lost");
    let last = statuses.last().expect("the last");
    assert_eq!(
        (last.commit.as_str(), &last.target_url),
        (commit.as_str(), &format!("{PUBLIC_URL}/releases/{release}"))
    );
    assert!(last.description.contains("command_failed"), "{}", last.description);
}

fn tag(text: &str) -> TagName {
    text.parse().expect("a tag")
}

fn version(text: &str) -> ReleaseVersion {
    ReleaseVersion::from_tag(&tag(text)).expect("a version")
}

fn trigger(text: &str, release: ReleaseId) -> Command {
    let (tag, version, by) = (tag(text), version(text), Trigger::GithubWebhook);
    Command::Trigger { tag, version, release, idempotency_key: None, by }
}

#[test]
fn marks_that_wait_for_github_have_a_limit() {
    let (mut rows, project) = (Items::default(), ProjectId(Uuid::from_u128(1)));
    let mut fold = |kind: &str, id: Uuid, event: Event| {
        let metadata = Metadata {
            recorded_at: Utc::now(),
            actor: Actor::CommandLine,
            command_id: CommandId(Uuid::nil()),
            causation: None,
            origin: None,
        };
        let (stream, event_id) = (StreamId::new(kind.parse().expect("a kind of stream"), id), EventId(Uuid::nil()));
        let (position, revision) = (Position(1), Revision(1));
        backlog::fold(&Recorded { position, stream, revision, event_id, metadata, event }, &mut rows);
    };
    fold(
        "project",
        project.0,
        Event::Project(project::Event::GithubConnected {
            repository_id: 42,
            full_name: "acme/shop".parse().expect("a name"),
            api_url: project::ApiUrl::default(),
            credential: Some(SecretId(Uuid::nil())),
        }),
    );
    for number in 0..STATUSES_WAITING_MAX as u128 + 5 {
        let id = Uuid::from_u128(number);
        let (tag, version) = (tag("v1.0"), version("v1.0"));
        let accepted = project::Event::TriggerAccepted { tag, version, release: ReleaseId(id), idempotency_key: None };
        fold("project", project.0, Event::Project(accepted));
        let commit = "c0ffee0000c0ffee0000c0ffee0000c0ffee0000".parse().expect("a commit");
        fold("release", id, Event::Release(release::Event::CodeCheckedOut { commit, committed_at: Utc::now() }));
        fold("release", id, Event::Release(release::Event::Uploaded));
    }
    let waiting = backlog::statuses(project, &rows);
    assert_eq!(waiting.len(), STATUSES_WAITING_MAX);
    assert_eq!(waiting[0].release, ReleaseId(Uuid::from_u128(5)), "the oldest are given up");
}
