use std::time::Duration;

use chrono::{TimeDelta, Utc};
use domain::{fingerprint::Fingerprint, recorded::Actor, signing_key::Standing};
use event_log::event_store::sqlite::SqliteEventStore;
use signing::Algorithm;
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use workers::{Kernel, Progress};

use super::*;
use crate::signing_keys::make::SIGNING_KEY_PURPOSE;

/// How long the worker may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

async fn open(folder: &TempDir, valid_for: Option<TimeDelta>) -> SigningKeys {
    let path = |name: &str| folder.path().join(name);
    let store = Arc::new(SqliteEventStore::open(&path("log.sqlite")).await.expect("a log"));
    let executor = Arc::new(Executor::new(store, Utc::now));
    let secrets = Arc::new(Secrets::open(&path("secrets"), &path("master.key")).expect("a secret store"));
    let making = Making { algorithm: Algorithm::Ed25519Legacy, user_id: "Acme <p@acme.example>".into(), valid_for };
    SigningKeys::open(executor, secrets, making).await.expect("signing keys")
}

/// The same keys, as a server that starts sees them.
async fn restarted(keys: &SigningKeys) -> SigningKeys {
    let Inner { executor, secrets, making, .. } = &*keys.0;
    SigningKeys::open(executor.clone(), secrets.clone(), making.clone()).await.expect("signing keys")
}

/// The worker beside the keys, at work until it is aborted.
async fn start(keys: &SigningKeys, folder: &TempDir) -> (Progress, AbortOnDropHandle<()>) {
    let states = folder.path().join("workers.sqlite");
    let kernel = Kernel::open(keys.0.executor.store().clone(), states).await.expect("a kernel");
    let (progress, run) = kernel.follow(keys.clone());
    (progress, AbortOnDropHandle::new(tokio::spawn(run)))
}

fn operator() -> Context {
    Context::of(Actor::CommandLine)
}

/// The epochs of the keys that sign packages, sign indexes, and are trusted.
fn who(keys: &SigningKeys) -> (u32, Vec<u32>, Vec<u32>) {
    let set = keys.now();
    let indexes = set.index_signers.iter().map(|one| one.epoch).collect();
    let trusted = keys.trusted().now().iter().map(|one| one.epoch).collect();
    let current = set.keys.iter().find(|key| key.fingerprint == set.current.fingerprint()).expect("a current key");
    (current.epoch, indexes, trusted)
}

fn fingerprint(keys: &SigningKeys, epoch: u32) -> Fingerprint {
    keys.now().keys.iter().find(|key| key.epoch == epoch).expect("a key of that epoch").fingerprint.clone()
}

fn sealed(folder: &TempDir) -> usize {
    std::fs::read_dir(folder.path().join("secrets")).expect("a folder").count()
}

/// Waits until `is` holds of the keys.
async fn until(keys: &SigningKeys, is: impl Fn(&SigningSet) -> bool) {
    let mut changes = keys.changes();
    let reached = changes.wait_for(|set| is(set));
    drop(timeout(LIMIT, reached).await.expect("the keys get there").expect("the keys are there"));
}

#[tokio::test]
async fn a_rotation_changes_who_signs_and_who_is_trusted_and_a_restart_changes_nothing() {
    let folder = TempDir::new().expect("a folder");
    let keys = open(&folder, None).await;
    assert_eq!(who(&keys), (1, vec![1], vec![1]));
    keys.prepare_next(&operator()).await.expect("prepared");
    assert_eq!(who(&keys), (1, vec![1], vec![1, 2]));
    keys.begin_overlap(&operator()).await.expect("begun");
    assert_eq!(who(&keys), (1, vec![1, 2], vec![1, 2]));
    assert_eq!(who(&restarted(&keys).await), (1, vec![1, 2], vec![1, 2]));
    keys.cut_over(&operator()).await.expect("cut over");
    assert_eq!(who(&keys), (2, vec![2], vec![1, 2]));
    assert_eq!(who(&restarted(&keys).await), (2, vec![2], vec![1, 2]));
}

#[tokio::test]
async fn a_retired_keys_private_part_is_deleted_and_the_server_starts_without_it() {
    let folder = TempDir::new().expect("a folder");
    let keys = open(&folder, None).await;
    keys.prepare_next(&operator()).await.expect("prepared");
    keys.begin_overlap(&operator()).await.expect("begun");
    keys.cut_over(&operator()).await.expect("cut over");
    assert_eq!(sealed(&folder), 2);
    keys.retire(fingerprint(&keys, 1), &operator()).await.expect("retired");
    let (_, worker) = start(&keys, &folder).await;
    until(&keys, |set| set.keys[0].is_destroyed).await;
    worker.abort();
    assert_eq!(sealed(&folder), 1);
    assert_eq!(who(&keys), (2, vec![2], vec![1, 2]), "what it signed is still trusted");
    assert_eq!(who(&restarted(&keys).await), (2, vec![2], vec![1, 2]));
}

#[tokio::test]
async fn a_stolen_key_is_dropped_at_once_and_a_new_one_is_made_if_none_waits() {
    let folder = TempDir::new().expect("a folder");
    let keys = open(&folder, None).await;
    let mut trusted = keys.trusted();
    keys.declare_compromised(fingerprint(&keys, 1), &operator()).await.expect("declared");
    assert_eq!(who(&keys), (2, vec![2], vec![2]));
    timeout(LIMIT, trusted.changed()).await.expect("a change of the certificates is seen");
    assert_eq!(trusted.now().len(), 1);
    let (_, worker) = start(&keys, &folder).await;
    until(&keys, |set| set.keys[0].is_destroyed && set.keys[0].standing == Standing::Compromised).await;
    worker.abort();
    assert_eq!(sealed(&folder), 1);
}

#[tokio::test]
async fn a_refused_step_makes_no_key_and_changes_nothing() {
    let folder = TempDir::new().expect("a folder");
    let keys = open(&folder, None).await;
    keys.prepare_next(&operator()).await.expect("prepared");
    let refused = keys.prepare_next(&operator()).await.expect_err("refused");
    assert!(matches!(refused, SigningKeysError::Refused(Refusal::NextExists(_))), "{refused}");
    assert_eq!(sealed(&folder), 2);
    let refused = keys.declare_compromised("AB".into(), &operator()).await.expect_err("refused");
    assert!(matches!(refused, SigningKeysError::Refused(Refusal::UnknownKey(_))), "{refused}");
    assert_eq!(sealed(&folder), 2);
}

#[tokio::test]
async fn of_two_next_keys_made_at_the_same_time_one_is_announced_and_nothing_stays_of_the_other() {
    let folder = TempDir::new().expect("a folder");
    let keys = open(&folder, None).await;
    let (one, other) = (operator(), operator());
    let (first, second) = tokio::join!(keys.prepare_next(&one), keys.prepare_next(&other));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    assert_eq!((who(&keys), sealed(&folder)), ((1, vec![1], vec![1, 2]), 2));
    let stolen = fingerprint(&keys, 1);
    keys.declare_compromised(stolen, &operator()).await.expect("declared");
    let stolen = fingerprint(&keys, 2);
    let operator = operator();
    let declare = || keys.declare_compromised(stolen.clone(), &operator);
    let (first, second) = tokio::join!(declare(), declare());
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert_eq!((keys.now().keys.len(), sealed(&folder)), (3, 3), "no worker deletes what is done with here");
}

#[tokio::test]
async fn a_key_with_an_end_says_so_and_is_warned_about_once() {
    let folder = TempDir::new().expect("a folder");
    let keys = open(&folder, Some(TimeDelta::days(20))).await;
    let set = keys.now();
    let certificate = signing::Certificate::parse(&set.keys[0].certificate).expect("a certificate");
    assert_eq!(certificate.expires_at(), set.keys[0].expires_at);
    assert_eq!(certificate.expires_at(), Some(certificate.created_at() + TimeDelta::days(20)));
    let (_, worker) = start(&keys, &folder).await;
    until(&keys, |set| set.keys[0].warned_days == Some(30)).await;
    worker.abort();
    let revision = keys.now().revision;
    let again = restarted(&keys).await;
    let (mut progress, _worker) = start(&again, &folder).await;
    let looked = progress.until(|status| status.is_live && status.is_idle);
    timeout(LIMIT, looked).await.expect("the worker looks at the keys").expect("it runs");
    assert_eq!(again.now().revision, revision, "nothing is said twice");
}

#[tokio::test]
async fn a_sealed_key_that_is_not_the_announced_one_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let keys = open(&folder, None).await;
    let id = SigningKeyId::service().0;
    let other = signing::generate(Algorithm::Ed25519Legacy, "Other <o@example>", Utc::now(), None).expect("a key");
    keys.0.secrets.delete(id).await.expect("deleted");
    keys.0.secrets.seal(id, SIGNING_KEY_PURPOSE, &other.secret).await.expect("sealed");
    let Inner { executor, secrets, making, .. } = &*keys.0;
    let refused = SigningKeys::open(executor.clone(), secrets.clone(), making.clone()).await.err().expect("refused");
    assert!(matches!(refused, SigningKeysError::OtherKey { .. }), "{refused}");
}
