use std::time::Duration;

use chrono::Utc;
use domain::{
    ids::OrganisationId,
    merkle::{Accumulator, leaf_hash},
};
use event_log::event_store::sqlite::SqliteEventStore;
use futures::future::BoxFuture;
use tempfile::TempDir;
use tokio::{sync::watch, time::timeout};

use super::*;

/// Trees over entries that a test can change; entries of a real log never change.
#[derive(Default)]
struct Entries {
    entries: SyncMutex<Vec<&'static str>>,
    /// The log whose tree is never read to its end, and how often that began.
    stuck: SyncMutex<Option<LogName>>,
    stuck_readers: watch::Sender<usize>,
}

impl Entries {
    fn set(&self, entries: &[&'static str]) {
        *self.entries.lock().expect("no panic") = entries.to_vec();
    }

    fn tree(&self, size: usize) -> Option<LogState> {
        let mut tree = Accumulator::default();
        for entry in self.entries.lock().expect("no panic").get(..size)? {
            tree.push(leaf_hash(entry.as_bytes()));
        }
        Some(LogState { size: tree.size(), root: tree.root() })
    }
}

impl Trees for Entries {
    fn now(&self, _: LogName) -> Option<LogState> {
        let size = self.entries.lock().expect("no panic").len();
        self.tree(size).filter(|state| state.size > 0)
    }

    fn root_at(&self, log: LogName, size: u64) -> BoxFuture<'_, Result<Option<Sha256>, BoxError>> {
        let root = self.tree(size as usize).map(|state| state.root);
        let is_stuck = *self.stuck.lock().expect("no panic") == Some(log);
        Box::pin(async move {
            if is_stuck {
                self.stuck_readers.send_modify(|readers| *readers += 1);
                std::future::pending::<()>().await;
            }
            Ok(root)
        })
    }
}

struct World {
    folder: TempDir,
    executor: Executor,
    secrets: Arc<Secrets>,
    entries: Arc<Entries>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteEventStore::open(folder.path().join("log.sqlite")).await.expect("a log");
        let secrets = Secrets::open(&folder.path().join("secrets"), &folder.path().join("master.key"));
        Self {
            executor: Executor::new(Arc::new(store), Utc::now),
            secrets: Arc::new(secrets.expect("secrets")),
            entries: Arc::default(),
            folder,
        }
    }

    async fn signer(&self, host: &str) -> LogSigner {
        let folder = self.folder.path().join("signed_logs");
        LogSigner::open(&self.executor, &self.secrets, host, self.entries.clone(), folder).await.expect("a signer")
    }
}

const ORIGIN: &str = "packages.example.org/log";

async fn signed(signer: &LogSigner) -> Result<Option<String>, SignLogError> {
    signer.checkpoint(LogName::Server, ORIGIN).await
}

#[tokio::test]
async fn a_checkpoint_has_a_signature_of_the_announced_key_and_the_key_stays_the_same() {
    let world = World::new().await;
    let signer = world.signer("packages.example.org").await;
    assert_eq!(signed(&signer).await.expect("no entry is no error"), None);
    world.entries.set(&["a", "b"]);
    let note = signed(&signer).await.expect("signs").expect("has entries");
    let parsed: Note = note.parse().expect("a note");
    let checkpoint: Checkpoint = parsed.text.parse().expect("a checkpoint");
    let state = world.entries.tree(2).expect("a tree");
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size, checkpoint.root), (ORIGIN, 2, state.root));

    let pinned = signer.verifier_key(ORIGIN);
    let [signature] = pinned.signatures_in(&parsed).collect::<Vec<_>>()[..] else { panic!("{note}") };
    let public = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, &pinned.key);
    public.verify(parsed.text.as_bytes(), &signature.signature).expect("the key's own signature");
    public.verify(b"another text", &signature.signature).expect_err("of this text alone");

    let again = world.signer("other.example.org").await;
    assert_eq!(again.verifier_key(ORIGIN), pinned);
    assert_eq!(again.origin(None), ORIGIN, "a log keeps its name when the server gets another address");
    assert_eq!(signed(&again).await.expect("signs"), Some(note));
}

#[tokio::test]
async fn a_log_that_does_not_continue_what_was_signed_is_refused_for_ever() {
    let world = World::new().await;
    let signer = world.signer("packages.example.org").await;
    world.entries.set(&["a", "b", "c"]);
    signed(&signer).await.expect("signs");
    for (fork, why) in [
        (&["a", "x", "c"][..], "an entry is another"),
        (&["a", "x", "c", "d"], "an entry is another in a longer log"),
        (&["a", "b"], "it is shorter"),
        (&["b", "a", "c"], "the order is another"),
    ] {
        world.entries.set(fork);
        assert!(matches!(signed(&signer).await, Err(SignLogError::Fork { .. })), "{why}");
        let restarted = world.signer("packages.example.org").await;
        assert!(matches!(signed(&restarted).await, Err(SignLogError::Fork { .. })), "{why}, after a restart");
    }
    world.entries.set(&["a", "b", "c", "d"]);
    assert!(signed(&signer).await.expect("it continues").is_some());
}

#[tokio::test]
async fn a_beginning_of_a_log_is_vouched_for_only_if_the_whole_log_is() {
    let world = World::new().await;
    let signer = world.signer("packages.example.org").await;
    let at = async |size| signer.checkpoint_at(LogName::Server, ORIGIN, size).await;
    assert_eq!(at(0).await.expect("no entry is no error"), None);
    world.entries.set(&["a", "b", "c"]);
    for (size, expected) in [(0, None), (2, world.entries.tree(2)), (3, world.entries.tree(3)), (4, None)] {
        let note = at(size).await.expect("signs");
        let checkpoint = note.map(|note| note.parse::<Note>().expect("a note").text.parse::<Checkpoint>());
        let state = checkpoint.map(|it| it.map(|it| LogState { size: it.size, root: it.root }).expect("a checkpoint"));
        assert_eq!(state, expected);
    }
    // What was signed has three entries. Another log that begins like it is not it.
    world.entries.set(&["a", "b", "x", "d"]);
    assert!(matches!(at(2).await, Err(SignLogError::Fork { .. })));
}

#[test]
fn what_was_signed_last_is_never_lowered() {
    let folder = TempDir::new().expect("a folder");
    let file = last_signed::file(folder.path(), LogName::Server);
    let state = |size: u64| LogState { size, root: Sha256::of(&size.to_be_bytes()) };
    for (signed, last) in [(3, 3), (2, 3), (5, 5)] {
        last_signed::raise(&file, state(signed)).expect("it is written");
        assert_eq!(last_signed::read(&file).expect("it is read"), Some(state(last)));
    }
}

/// Long enough for a machine whose cores are all busy.
const PATIENCE: Duration = Duration::from_secs(60);

fn acme() -> LogName {
    LogName::Organisation(OrganisationId::named(&"acme".parse().expect("a name")))
}

#[tokio::test]
async fn a_log_whose_tree_cannot_be_read_delays_no_other() {
    let world = World::new().await;
    world.entries.set(&["a"]);
    // What was signed before the start is compared with the tree.
    world.signer("packages.example.org").await.checkpoint(acme(), ORIGIN).await.expect("signs");
    let signer = world.signer("packages.example.org").await;
    *world.entries.stuck.lock().expect("no panic") = Some(acme());
    let mut readers = world.entries.stuck_readers.subscribe();
    let stuck = tokio::spawn({
        let signer = signer.clone();
        async move { signer.checkpoint(acme(), ORIGIN).await }
    });
    timeout(PATIENCE, readers.wait_for(|readers| *readers > 0)).await.expect("it is read").expect("a sender");
    let other = timeout(PATIENCE, signed(&signer)).await.expect("the other log does not wait").expect("signs");
    assert!(other.is_some());
    stuck.abort();
}

#[tokio::test]
async fn a_log_that_another_process_is_signing_for_delays_no_other() {
    let world = World::new().await;
    let signer = world.signer("packages.example.org").await;
    world.entries.set(&["a"]);
    let file = last_signed::file(&world.folder.path().join("signed_logs"), acme());
    let turn = std::fs::File::create(last_signed::turn_file(&file).expect("a name")).expect("a file");
    turn.lock().expect("a lock");
    let waiting = tokio::spawn({
        let signer = signer.clone();
        async move { signer.checkpoint(acme(), ORIGIN).await }
    });
    let other = timeout(PATIENCE, signed(&signer)).await.expect("the other log does not wait").expect("signs");
    assert!(other.is_some());
    assert!(!waiting.is_finished(), "it waits for its turn");
    drop(turn);
    assert!(timeout(PATIENCE, waiting).await.expect("its turn").expect("no panic").expect("signs").is_some());
}
