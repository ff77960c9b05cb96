use std::{path::Path, sync::Arc, time::Duration};

use api_http::tokens;
use archive::data_folder::{DataFolder, Locations};
use bytes::Bytes;
use chrono::Utc;
use domain::{
    checkpoint::NOTE_MAX_BYTES,
    digest::Sha256,
    recorded::Position,
    token::{Token, TokenKind},
};
use tempfile::TempDir;
use workers::Kernel;

use super::{
    super::{bundle::SIGNING_KEYS_MAX_BYTES, feed_client::PAGE_TEXT_MAX_BYTES},
    *,
};
use crate::feed::{
    testing::{Lie, Listening, World, name},
    wire::PAGE_ENTRIES_MAX,
};

/// A server, and a place for replicas of it.
struct Place {
    world: World,
    folder: TempDir,
    token: Token,
}

impl Place {
    async fn new() -> Self {
        let world = World::new().await;
        let token = world.token("acme").await;
        world.add_package("acme", "a package").await;
        world.shows().await;
        Self { world, folder: TempDir::new().expect("a folder"), token }
    }

    fn data(&self) -> DataFolder {
        let locations = Locations { folder: Some(self.folder.path().join("replica")), ..Locations::default() };
        DataFolder::open(&locations).expect("a folder")
    }

    async fn replica(&self) -> Replica {
        Replica::open(self.data()).await.expect("a replica")
    }

    async fn follower_with(
        &self,
        server: &Listening,
        token: &str,
        pinned: Option<&str>,
    ) -> Result<Follower, ReplicaError> {
        let token_file = self.folder.path().join("token");
        std::fs::write(&token_file, format!("{token}\n")).expect("written");
        let address = FeedAddress { server: server.url.clone(), organisation: name("acme"), token_file, proxy: None };
        let contact = Contact::open(self.data().path(), None, Utc::now);
        Follower::new(self.replica().await, address, pinned, contact, None).await
    }

    async fn follower(&self, server: &Listening) -> Follower {
        self.follower_with(server, &self.token.text(), None).await.expect("it may follow")
    }

    /// What comes of following a server that lies.
    async fn refusal_of(&self, lie: impl Fn(&str, Bytes) -> Bytes + Send + Sync + 'static) -> ReplicaError {
        let lie: Lie = Arc::new(lie);
        let server = self.world.listen_lying(lie).await;
        let mut follower = self.follower(&server).await;
        let refused = follower.catch_up().await.expect_err("a lie is refused");
        assert!(!refused.is_passing(), "{refused}");
        assert_eq!(follower.replica.size(), 0, "{refused}");
        close(follower).await;
        refused
    }
}

/// Ends it as a process ends: its folder can be opened again.
async fn close(follower: Follower) {
    follower.replica.store().close().await;
}

async fn events(follower: &Follower) -> Vec<String> {
    let page = follower.replica.store().read_all(Position(0), &event_log::event_store::Filter::all(), 1_000).await;
    page.expect("a log").events.into_iter().map(|event| event.event.name).collect()
}

fn replaced(bytes: &Bytes, from: &str, to: &str) -> Bytes {
    String::from_utf8_lossy(bytes).replacen(from, to, 1).into()
}

#[tokio::test]
async fn a_replica_takes_everything_in_and_goes_on_where_it_was() {
    let place = Place::new().await;
    let server = place.world.listen().await;
    let mut follower = place.follower(&server).await;
    assert!(!follower.replica.is_complete(), "it has nothing");
    follower.catch_up().await.expect("it follows");
    assert!(follower.replica.is_complete());
    assert_eq!(follower.replica.size(), 4);
    let first = events(&follower).await;
    assert_eq!(first.iter().filter(|name| name.starts_with("repository.")).count(), 2);
    assert!(first.iter().all(|name| name.starts_with("repository.") || name.starts_with("signing-key.")), "{first:?}");
    assert_eq!(&follower.replica.blobs().get(Sha256::of(b"a package")).await.expect("it is here")[..], b"a package");
    assert!(!follower.contact.is_lost() && follower.contact.shown()["behind"] == 0);
    close(follower).await;

    let newer = place.world.add_package("acme", "a newer package").await;
    place.world.change("acme", 3).await;
    let mut follower = place.follower(&server).await;
    assert_eq!(follower.replica.size(), 4, "it remembers what it has");
    follower.catch_up().await.expect("it follows");
    assert_eq!((follower.replica.size(), events(&follower).await.len()), (8, first.len() + 1));
    assert!(follower.replica.blobs().contains(newer).await.expect("blobs"));
    let state = place
        .world
        .core
        .projected
        .transparency
        .state(domain::checkpoint::LogName::Organisation(domain::ids::OrganisationId::named(&name("acme"))));
    assert_eq!(state.map(|state| state.root), Some(follower.replica.root()));
}

#[tokio::test]
async fn an_entry_that_was_changed_on_its_way_is_not_recorded() {
    let place = Place::new().await;
    let refused = place.refusal_of(|_, bytes| replaced(&bytes, "\"revision\":2", "\"revision\":3")).await;
    assert!(matches!(refused, ReplicaError::Differs { from: 0, size: 4, expected: 4, .. }), "{refused}");
    let withheld = place.refusal_of(|_, bytes| replaced(&bytes, "{\"withheld\":\"", "{\"withheld\":\"x")).await;
    assert!(matches!(withheld, ReplicaError::Archive(_)), "{withheld}");
    let left_out = place.refusal_of(|path, bytes| match path.ends_with("/log") {
        true => bytes.slice(..bytes.len() - 1 - bytes.rsplit(|byte| *byte == b'\n').nth(1).map_or(0, <[u8]>::len)),
        false => bytes,
    });
    let left_out = left_out.await;
    assert!(matches!(left_out, ReplicaError::Differs { size: 3, expected: 4, .. }), "{left_out}");
    // Nothing of the organisation is there, and what was refused does no harm afterwards.
    let server = place.world.listen().await;
    let mut follower = place.follower(&server).await;
    assert_eq!(events(&follower).await.len(), 0);
    follower.catch_up().await.expect("it follows");
}

#[tokio::test]
async fn a_blob_with_other_bytes_is_not_recorded_nor_the_event_that_names_it() {
    let place = Place::new().await;
    let refused = place.refusal_of(|path, bytes| match path.contains("/blobs/") {
        true => replaced(&bytes, "package", "backdoor"),
        false => bytes,
    });
    let refused = refused.await;
    assert!(matches!(refused, ReplicaError::Feed(FeedError::OtherBytes { .. })), "{refused}");
    let server = place.world.listen().await;
    let mut follower = place.follower(&server).await;
    assert!(!follower.replica.blobs().contains(Sha256::of(b"a package")).await.expect("blobs"));
    assert!(events(&follower).await.iter().all(|name| !name.starts_with("repository.")));
    follower.catch_up().await.expect("it follows the honest server");
    assert!(follower.replica.blobs().contains(Sha256::of(b"a package")).await.expect("blobs"));
}

#[tokio::test]
async fn what_the_logs_key_did_not_sign_is_not_believed() {
    let place = Place::new().await;
    let checkpoint = place.refusal_of(|_, bytes| replaced(&bytes, "/log/acme\\n4\\n", "/log/acme\\n5\\n")).await;
    assert!(matches!(checkpoint, ReplicaError::Untrusted(_)), "{checkpoint}");
    let keys = place.refusal_of(|_, bytes| replaced(&bytes, "signing-key.generated", "signing-key.degenerated")).await;
    assert!(matches!(keys, ReplicaError::Untrusted(_)), "{keys}");
    let hidden = place.refusal_of(|path, bytes| match path.ends_with("/log") {
        true => replaced(&bytes, "\"signing_keys\":", "\"signing_keys\":9"),
        false => bytes,
    });
    let hidden = hidden.await;
    assert!(hidden.to_string().contains("events of signing keys, but sent"), "{hidden}");
    let other_key = place.refusal_of(|path, bytes| match path.ends_with("/key") {
        true => replaced(&bytes, "/log/acme+", "/log/rival+"),
        false => bytes,
    });
    let other_key = other_key.await;
    assert!(matches!(other_key, ReplicaError::Untrusted(_)), "{other_key}");
}

#[tokio::test]
async fn a_server_that_promises_more_than_it_shows_is_found_out_and_the_promise_is_forgotten() {
    let place = Place::new().await;
    let promise = |path: &str, bytes: Bytes| match path.ends_with("/log") {
        true => replaced(&bytes, "\"size\":4", "\"size\":4000000000"),
        false => bytes,
    };
    let server = place.world.listen_lying(Arc::new(promise)).await;
    let mut follower = place.follower(&server).await;
    let refused = follower.catch_up().await.expect_err("the rest never comes");
    assert!(refused.to_string().contains("has 4000000000 entries, but sent none after 4"), "{refused}");
    assert!(!follower.replica.is_complete(), "as far as it knows");
    close(follower).await;
    let honest = place.world.listen().await;
    let mut follower = place.follower(&honest).await;
    follower.catch_up().await.expect("it follows");
    assert!(follower.replica.is_complete());
}

#[tokio::test]
async fn another_key_than_the_one_that_was_pinned_or_remembered_is_refused() {
    let (place, other) = (Place::new().await, Place::new().await);
    let (server, others) = (place.world.listen().await, other.world.listen().await);
    let origin = place.world.core.log_signer.origin(Some(&name("acme")));
    let key = |place: &Place| place.world.core.log_signer.verifier_key(&origin).to_string();
    let (right, wrong) = (key(&place), key(&other));
    let text = place.token.text();
    let mut follower = place.follower_with(&server, &text, Some(&wrong)).await.expect("nothing is known yet");
    assert!(matches!(follower.catch_up().await, Err(ReplicaError::OtherKey { .. })));
    assert_eq!(events(&follower).await.len(), 0);
    close(follower).await;
    let mut follower = place.follower_with(&server, &text, Some(&right)).await.expect("nothing is known yet");
    follower.catch_up().await.expect("it follows");
    close(follower).await;
    let mut elsewhere = place.follower_with(&others, &other.token.text(), None).await.expect("it has the same name");
    let refused = elsewhere.catch_up().await.expect_err("it is another server");
    assert!(matches!(refused, ReplicaError::OtherKey { .. }), "{refused}");
    close(elsewhere).await;
    let refused = place.follower_with(&server, &text, Some(&wrong)).await.err().expect("another is remembered");
    assert!(matches!(refused, ReplicaError::OtherKey { .. }), "{refused}");
}

#[tokio::test]
async fn another_history_is_refused() {
    let place = Place::new().await;
    let server = place.world.listen().await;
    let mut follower = place.follower(&server).await;
    follower.catch_up().await.expect("it follows");
    // One entry more than the server has, as if the server had lost it.
    let lost = (domain::feed::Entry::Withheld(Sha256::of(b"lost")), Sha256::of(b"lost"));
    let session = follower.session().await.expect("a session");
    follower.replica.take(vec![lost], &session.client).await.expect("taken in");
    let before = (follower.replica.size(), follower.replica.root());
    for (more, expected) in [(0, "another log"), (1, "another log"), (1, "not those that the log's key signed")] {
        place.world.change("acme", more).await;
        let refused = follower.catch_up().await.expect_err("it is another history");
        assert!(refused.to_string().contains(expected), "{refused}");
        assert_eq!((follower.replica.size(), follower.replica.root()), before);
    }
}

#[tokio::test]
async fn a_token_that_does_not_open_the_feed_is_told_from_a_server_that_does_not_answer() {
    let place = Place::new().await;
    let server = place.world.listen().await;
    for token in [tokens::issue(TokenKind::Feed).text(), place.world.token("rival").await.text()] {
        let mut follower = place.follower_with(&server, &token, None).await.expect("nothing was asked yet");
        let refused = follower.catch_up().await.expect_err("it is refused");
        assert!(matches!(refused, ReplicaError::Feed(FeedError::TokenRefused { .. })), "{refused}");
        assert!(!format!("{refused:?}{refused}").contains(&token));
        close(follower).await;
    }
    for token in [String::new(), tokens::issue(TokenKind::Api).text(), "x".repeat(10_000)] {
        let mut follower = place.follower_with(&server, &token, None).await.expect("nothing was asked yet");
        let refused = follower.catch_up().await.expect_err("it is no feed token");
        assert!(matches!(refused, ReplicaError::Feed(FeedError::NoToken { .. })), "{refused}");
        close(follower).await;
    }
    place.world.revoke("acme", &place.token).await;
    let mut follower = place.follower(&server).await;
    let refused = follower.catch_up().await.expect_err("it was revoked");
    assert!(matches!(refused, ReplicaError::Feed(FeedError::TokenRefused { .. })), "{refused}");

    drop(server);
    let contact = follower.contact.clone();
    let trouble = async {
        while !contact.shown()["trouble"].as_str().is_some_and(|why| why.contains("cannot reach the server")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        ended = follower.catch_up() => panic!("it gave up: {ended:?}"),
        () = trouble => {}
    }
}

#[tokio::test]
async fn a_replica_of_one_organisation_does_not_follow_another() {
    let place = Place::new().await;
    let server = place.world.listen().await;
    let mut follower = place.follower(&server).await;
    follower.catch_up().await.expect("it follows");
    close(follower).await;
    let address = FeedAddress {
        server: server.url.clone(),
        organisation: name("rival"),
        token_file: Path::new("/nowhere").to_owned(),
        proxy: None,
    };
    let contact = Contact::open(place.data().path(), None, Utc::now);
    let refused = Follower::new(place.replica().await, address, None, contact, None).await.err().expect("it is acme's");
    assert!(matches!(refused, ReplicaError::OtherOrganisation { .. }), "{refused}");
}

#[tokio::test]
async fn a_blob_that_the_server_lost_stops_nothing_and_comes_when_the_server_has_it_again() {
    let place = Place::new().await;
    let server = place.world.listen().await;
    let (sha256, blobs) = (Sha256::of(b"a package"), &place.world.core.blobs);
    std::fs::remove_file(blobs.local_path(sha256).expect("a file")).expect("it was there");
    let mut follower = place.follower(&server).await;
    follower.catch_up().await.expect("it follows");
    assert_eq!((follower.replica.size(), follower.replica.missing_blobs()), (4, 1));
    assert_eq!(follower.contact.shown()["missing_blobs"], 1);
    close(follower).await;

    place.world.put("a package").await;
    let mut follower = place.follower(&server).await;
    assert_eq!(follower.replica.missing_blobs(), 1, "it remembers what it lacks");
    follower.catch_up().await.expect("it follows");
    assert_eq!(follower.contact.shown()["missing_blobs"], 0);
    assert!(follower.replica.blobs().contains(sha256).await.expect("blobs"));
    close(follower).await;
    assert_eq!(place.replica().await.missing_blobs(), 0);
}

#[tokio::test]
async fn events_of_signing_keys_come_although_they_are_no_entries() {
    let place = Place::new().await;
    let server = place.world.listen().await;
    let app = &place.world.core;
    let mut worker = app.signing_keys.trusted();
    let states = place.folder.path().join("workers.sqlite");
    let kernel = Kernel::open(app.executor.store().clone(), states).await.expect("a kernel");
    let _reading_on = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(kernel.run(app.signing_keys.clone())));
    let mut follower = place.follower(&server).await;
    follower.catch_up().await.expect("it follows");
    let before = (follower.replica.size(), follower.signing_keys);
    let warn = domain::signing_key::Command::RecordExpiryNear {
        fingerprint: app.signing_keys.now().current.fingerprint(),
        days_left: 30,
    };
    place.world.core.execute::<domain::signing_key::SigningKey>(domain::ids::SigningKeyId::service().0, warn).await;
    while app.signing_keys.now().revision.0 <= before.1 {
        worker.changed().await;
    }
    follower.catch_up().await.expect("it follows");
    assert_eq!((follower.replica.size(), follower.signing_keys), (before.0, before.1 + 1));
    assert_eq!(events(&follower).await.iter().filter(|name| **name == "signing-key.expiry_near").count(), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_not_read_to_its_end() {
    let place = Place::new().await;
    let keys_max_bytes = usize::try_from(SIGNING_KEYS_MAX_BYTES).expect("64 bits");
    let limits = [("/key", NOTE_MAX_BYTES), ("/log", PAGE_TEXT_MAX_BYTES), ("/signing-keys", keys_max_bytes)];
    for (end, length) in limits {
        let refused = place.refusal_of(move |path, bytes| match path.ends_with(end) {
            true => vec![b'x'; length + 1].into(),
            false => bytes,
        });
        let refused = refused.await;
        assert!(matches!(refused, ReplicaError::Feed(FeedError::TooLong { .. })), "{end}: {refused}");
    }
    let nonsense = place.refusal_of(|path, bytes| if path.ends_with("/log") { "{}\n".into() } else { bytes }).await;
    assert!(matches!(nonsense, ReplicaError::Feed(FeedError::NotUnderstood(_))), "{nonsense}");
}

#[tokio::test]
async fn a_replica_that_has_a_part_only_serves_nobody_until_it_has_the_rest() {
    let place = Place::new().await;
    place.world.change("acme", usize::try_from(PAGE_ENTRIES_MAX).expect("not so many")).await;
    let pages = std::sync::atomic::AtomicU32::new(0);
    let breaks_off = move |path: &str, bytes: Bytes| {
        let is_second = path.ends_with("/log") && pages.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1;
        if is_second { Bytes::new() } else { bytes }
    };
    let server = place.world.listen_lying(Arc::new(breaks_off)).await;
    let mut follower = place.follower(&server).await;
    follower.catch_up().await.expect_err("the second page is not valid");
    assert_eq!(follower.replica.size(), PAGE_ENTRIES_MAX);
    close(follower).await;
    let replica = place.replica().await;
    assert!(!replica.is_complete(), "there was more when it first heard of the log");
    replica.store().close().await;
    drop(replica);
    let mut follower = place.follower(&server).await;
    follower.catch_up().await.expect("it goes on");
    assert!(follower.replica.is_complete());
    assert_eq!(follower.replica.size(), PAGE_ENTRIES_MAX + 4);
}

#[test]
fn a_pause_grows_with_every_failure_up_to_its_limit() {
    let pauses = [0, 1, 2, 3, 4, 40, u32::MAX].map(|failures| pause_after(failures, RETRY_MAX).as_secs());
    assert_eq!(pauses, [1, 2, 4, 8, 15, 15, 15]);
    assert_eq!(pause_after(u32::MAX, Duration::from_secs(2)), Duration::from_secs(2));
}
