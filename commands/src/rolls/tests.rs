use std::sync::Mutex;

use chrono::TimeDelta;
use domain::{
    aggregate::Aggregate as _,
    keyring::{EnrolmentLimits, NextKey, Terms, WindowEnd},
    names::MachineName,
    recorded::{Actor, RawEvent, Recorded, Revision, StreamId},
};
use event_log::event_store::sqlite::SqliteEventStore;
use ports::grace_windows::{ClosedWindow, OpenWindow, Windows};
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;
use workers::Kernel;

use super::{
    causes::{KEYRINGS_REMEMBERED_MAX, KeyringCauses},
    *,
};

const REPOSITORY: RepositoryId = RepositoryId(Uuid::from_u128(1));

fn clock() -> DateTime<Utc> {
    Utc::now()
}

fn issue(kind: TokenKind) -> Token {
    let secret = domain::digest::Sha256::of(Uuid::now_v7().as_bytes());
    Token::new(kind, Uuid::now_v7(), secret.0)
}

struct World {
    rolls: Rolls,
    folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteEventStore::open(&folder.path().join("log.db")).await.expect("a log");
        let secrets = Secrets::open(&folder.path().join("secrets"), &folder.path().join("key")).expect("secrets");
        let rolls =
            Rolls { executor: Arc::new(Executor::new(Arc::new(store), clock)), secrets: Arc::new(secrets), issue };
        Self { rolls, folder }
    }

    async fn issue(&self, name: &str, terms: Terms) -> AccessKeyId {
        let token = issue(TokenKind::AccessKey);
        let key = AccessKeyId(token.id());
        let name = name.parse().expect("a name");
        let secret_sha256 = token.secret_sha256();
        let issue = Command::IssueAccessKey { key, name, secret_sha256, terms, now: clock() };
        self.rolls.executor.execute::<Keyring>(REPOSITORY.0, issue, &context()).await.expect("issued");
        key
    }

    async fn shared(&self, name: &str) -> AccessKeyId {
        self.issue(name, Terms::Shared { expires_at: None }).await
    }

    async fn enrolment(&self) -> AccessKeyId {
        let limits = EnrolmentLimits { expires_at: clock() + TimeDelta::days(30), enrols_max: 10 };
        self.issue("fleet", Terms::Enrolment(limits)).await
    }

    async fn next(&self, key: AccessKeyId) -> Option<NextKey> {
        self.rolls
            .executor
            .inspect::<Keyring, _>(REPOSITORY.0, |keyring, _| keyring.next_key(key, clock()))
            .await
            .expect("a keyring")
    }

    async fn hand_over(&self, key: AccessKeyId, machine: Option<&str>) -> Result<HandedOver, HandoverError> {
        let machine = machine.map(|name| name.parse::<MachineName>().expect("a name"));
        self.rolls.hand_over(REPOSITORY, key, machine, &context()).await
    }

    async fn handed(&self, key: AccessKeyId, machine: Option<&str>) -> Token {
        match self.hand_over(key, machine).await.expect("handed over") {
            HandedOver::Other(token, _) => token,
            HandedOver::Same => panic!("the same key"),
        }
    }

    /// The one event of that name in the keyring.
    async fn recorded(&self, name: &str) -> Recorded<RawEvent> {
        let stream = StreamId::new(Keyring::KIND, REPOSITORY.0);
        let events = self.rolls.executor.store().read_stream(&stream, Revision(0), 1_000).await.expect("readable");
        let mut found = events.into_iter().filter(|event| event.event.name == name);
        let event = found.next().unwrap_or_else(|| panic!("there is no {name}"));
        assert_eq!(found.next(), None, "there is one {name}");
        event
    }

    /// Closes the windows that `asked` knows of until it is dropped.
    async fn closer(&self, asked: Arc<Asked>) -> impl Future<Output = ()> + Send + 'static + use<> {
        let (log, states) = (self.rolls.executor.store().clone(), self.folder.path().join("workers.sqlite"));
        Kernel::open(log, states).await.expect("a kernel").run(WindowCloser::new(self.rolls.clone(), asked))
    }

    async fn open(&self) -> RolledKeys {
        let until = clock() + TimeDelta::hours(1);
        self.rolls.open_grace(REPOSITORY, None, until, &context()).await.expect("a window")
    }
}

fn context() -> Context {
    Context::of(Actor::CommandLine)
}

#[tokio::test]
async fn a_roll_answers_with_a_new_key_for_each() {
    let world = World::new().await;
    let old = world.shared("default").await;
    world.enrolment().await;
    let rolled = world.rolls.roll(REPOSITORY, Some(1), &context()).await.expect("rolled");
    assert_eq!((rolled.generation, rolled.keys.len()), (2, 2));
    for NewKey { token, successor } in &rolled.keys {
        assert_eq!(successor.new.0, token.id());
        assert_eq!(successor.secret_sha256, token.secret_sha256());
        assert!(world.next(successor.new).await.is_some());
    }
    assert_eq!(world.next(old).await, None);
}

#[tokio::test]
async fn a_roll_whose_answer_was_lost_is_not_made_again() {
    let world = World::new().await;
    world.shared("default").await;
    world.rolls.roll(REPOSITORY, Some(1), &context()).await.expect("rolled");
    let again = world.rolls.roll(REPOSITORY, Some(1), &context()).await.expect_err("rolled already");
    assert!(matches!(again, RollError::RolledAlready { expected: 1, now: 2 }), "{again}");
}

#[tokio::test]
async fn a_roll_of_a_generation_that_has_not_begun_is_not_taken_for_one_that_was_made() {
    let world = World::new().await;
    let key = world.shared("default").await;
    let refused = world.rolls.roll(REPOSITORY, Some(7), &context()).await.expect_err("nothing is rolled");
    assert!(matches!(refused, RollError::NotThatFar { expected: 7, now: 1 }), "{refused}");
    assert!(world.next(key).await.is_some(), "the key still works");
}

#[tokio::test]
async fn the_holder_of_a_shared_key_is_handed_the_one_that_the_roll_made() {
    let world = World::new().await;
    let old = world.shared("default").await;
    assert!(matches!(world.hand_over(old, None).await, Ok(HandedOver::Same)));
    let made = world.open().await.keys.remove(0).token;
    let handed = world.handed(old, None).await;
    assert_eq!(handed.text(), made.text());
    assert!(matches!(world.hand_over(AccessKeyId(made.id()), None).await, Ok(HandedOver::Same)));
}

#[tokio::test]
async fn a_machine_enrols_and_renews_and_gets_the_same_key_however_often_it_asks() {
    let world = World::new().await;
    let enrolment = world.enrolment().await;
    assert!(matches!(world.hand_over(enrolment, None).await, Err(HandoverError::NoMachine)));
    let first = world.handed(enrolment, Some("web-1")).await;
    let again = world.handed(enrolment, Some("web-1")).await;
    assert_ne!(first.id(), again.id());
    assert!(matches!(world.hand_over(AccessKeyId(first.id()), None).await, Err(HandoverError::Ended)));
    world.open().await;
    let old = AccessKeyId(again.id());
    let (one, other) = tokio::join!(world.handed(old, None), world.handed(old, None));
    assert_eq!(one.text(), other.text());
    assert_eq!(world.handed(old, None).await.text(), one.text());
    assert_eq!(world.next(AccessKeyId(one.id())).await, Some(NextKey::Same));
}

#[tokio::test]
async fn a_renewal_that_was_sealed_and_not_recorded_is_taken_up_again() {
    let world = World::new().await;
    let enrolment = world.enrolment().await;
    let old = AccessKeyId(world.handed(enrolment, Some("web-1")).await.id());
    world.open().await;
    let sealed = issue(TokenKind::AccessKey).under(old.renewed(2).0);
    world.rolls.seal(std::slice::from_ref(&sealed)).await.expect("sealed, then killed");
    assert_eq!(world.handed(old, None).await.text(), sealed.text());
}

#[tokio::test]
async fn a_refused_window_leaves_nothing_sealed() {
    let world = World::new().await;
    world.shared("default").await;
    world.open().await;
    let until = clock() + TimeDelta::hours(1);
    let before = sealed(&world);
    world.rolls.open_grace(REPOSITORY, None, until, &context()).await.expect_err("one window at a time");
    assert_eq!(sealed(&world), before);
}

fn sealed(world: &World) -> usize {
    std::fs::read_dir(world.folder.path().join("secrets")).expect("a folder").count()
}

/// What the read models would say, asked of the aggregate.
struct Asked {
    open: Mutex<Vec<OpenWindow>>,
    closed: Mutex<Vec<ClosedWindow>>,
    wake: watch::Sender<u64>,
}

impl Windows for Asked {
    fn open(&self) -> Vec<OpenWindow> {
        self.open.lock().expect("no panic").clone()
    }

    fn closed(&self) -> Vec<ClosedWindow> {
        self.closed.lock().expect("no panic").clone()
    }

    fn wake(&self) -> watch::Receiver<u64> {
        self.wake.subscribe()
    }
}

#[tokio::test]
async fn the_worker_closes_a_window_in_which_everyone_moved_and_deletes_what_was_sealed() {
    let world = World::new().await;
    let enrolment = world.enrolment().await;
    let old = AccessKeyId(world.handed(enrolment, Some("web-1")).await.id());
    world.open().await;
    let new = world.handed(old, None).await;
    assert_eq!(sealed(&world), 2);
    let until = clock() + TimeDelta::hours(1);
    let window = OpenWindow { repository: REPOSITORY, generation: 2, until, every_machine_moved: true };
    let asked =
        Arc::new(Asked { open: Mutex::new(vec![window]), closed: Mutex::default(), wake: watch::Sender::new(0) });
    let worker = tokio::spawn(world.closer(asked.clone()).await);
    // The machine has not used its key: whatever the read models say, the rules decide.
    world
        .rolls
        .executor
        .execute::<Keyring>(REPOSITORY.0, Command::RecordMoved { key: AccessKeyId(new.id()) }, &context())
        .await
        .expect("recorded");
    asked.wake.send_modify(|n| *n += 1);
    while world.next(old).await.is_some() {
        tokio::task::yield_now().await;
    }
    asked.open.lock().expect("no panic").clear();
    asked.closed.lock().expect("no panic").push(ClosedWindow { repository: REPOSITORY, generation: 2 });
    asked.wake.send_modify(|n| *n += 1);
    let forgettable = async || {
        let count = |keyring: &Keyring, _| keyring.forgettable().count();
        world.rolls.executor.inspect::<Keyring, _>(REPOSITORY.0, count).await.expect("a keyring")
    };
    while forgettable().await > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(sealed(&world), 0);
    worker.abort();
    let moved = world.recorded("keyring.machine_moved").await;
    let closed = world.recorded("keyring.grace_closed").await;
    assert_eq!(closed.metadata.causation, Some(moved.event_id), "the last that it waited for");
    let deleted = world.recorded("keyring.sealed_keys_deleted").await;
    assert_eq!(deleted.metadata.causation, Some(closed.event_id));
}

#[tokio::test]
async fn a_machine_that_uses_its_new_key_moved_because_it_was_handed_that_key() {
    let world = World::new().await;
    let enrolment = world.enrolment().await;
    let old = AccessKeyId(world.handed(enrolment, Some("web-1")).await.id());
    world.open().await;
    let new = AccessKeyId(world.handed(old, None).await.id());
    let (noticed, worker) = moves(world.rolls.executor.clone());
    let worker = tokio::spawn(worker);
    noticed.notice(REPOSITORY, new);
    noticed.notice(REPOSITORY, new);
    drop(noticed);
    worker.await.expect("it ends with the sender");
    let renewed = world.recorded("keyring.key_renewed").await;
    assert_eq!(world.recorded("keyring.machine_moved").await.metadata.causation, Some(renewed.event_id));
}

#[tokio::test]
async fn a_window_whose_time_is_over_is_closed_because_it_was_opened() {
    let world = World::new().await;
    world.shared("default").await;
    let until = clock() + TimeDelta::milliseconds(50);
    world.rolls.open_grace(REPOSITORY, None, until, &context()).await.expect("a window");
    let window = OpenWindow { repository: REPOSITORY, generation: 2, until, every_machine_moved: false };
    let asked =
        Arc::new(Asked { open: Mutex::new(vec![window]), closed: Mutex::default(), wake: watch::Sender::new(0) });
    let worker = tokio::spawn(world.closer(asked).await);
    let is_open = async || {
        let has_window = |keyring: &Keyring, _| keyring.window().is_some();
        world.rolls.executor.inspect::<Keyring, _>(REPOSITORY.0, has_window).await.expect("a keyring")
    };
    while is_open().await {
        tokio::task::yield_now().await;
    }
    worker.abort();
    let opened = world.recorded("keyring.grace_opened").await;
    assert_eq!(world.recorded("keyring.grace_closed").await.metadata.causation, Some(opened.event_id));
}

#[tokio::test]
async fn keyrings_beyond_those_remembered_are_read_anew() {
    let world = World::new().await;
    world.shared("default").await;
    world.open().await;
    let opened = world.recorded("keyring.grace_opened").await.event_id;
    let mut causes = KeyringCauses::new(world.rolls.executor.store().clone());
    let closed = Event::GraceClosed { generation: 2, because: WindowEnd::TimeOver };
    for other in 0..2 * KEYRINGS_REMEMBERED_MAX as u128 {
        let other = RepositoryId(Uuid::from_u128(1_000 + other));
        assert_eq!(causes.of(other, &closed).await.expect("readable"), None);
        assert!(causes.remembered() <= KEYRINGS_REMEMBERED_MAX);
    }
    assert_eq!(causes.of(REPOSITORY, &closed).await.expect("readable"), Some(opened));
}
