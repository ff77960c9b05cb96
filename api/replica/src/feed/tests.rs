use std::time::Duration;

use api_http::tokens;
use axum::http::StatusCode;
use composition::testing::RELEASE;
use domain::{
    checkpoint::{Checkpoint, Note},
    digest::Sha256,
    event::decode,
    feed::{self, Entry},
    merkle::Accumulator,
    recorded::{Position, Revision},
    release,
    repository::{self, IndexFile, SignedIndex, Stored},
    token::{Token, TokenKind},
};
use formats::segmented_file::{Manifest, Piece};
use tokio::time::timeout;

use super::{
    BLOBS_PER_TOKEN_MAX, FeedState, PAGES_MAX, WAITING_PER_TOKEN_MAX,
    testing::World,
    wire::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX, PageHead, SigningKeysHead, WAIT_MAX_SECONDS},
};

/// How long a waiting request may take on a busy machine, far less than it would wait.
const SOON: Duration = Duration::from_secs(60);

/// A page, checked as a replica does.
struct Page {
    head: PageHead,
    lines: Vec<String>,
    checkpoint: Checkpoint,
}

fn parts<H: serde::de::DeserializeOwned>(text: &str) -> (H, Vec<String>) {
    let (head, lines) = text.split_once('\n').expect("a first line");
    (serde_json::from_str(head).expect("a head"), lines.lines().map(str::to_owned).collect())
}

async fn page(world: &World, token: &Token, query: &str) -> Page {
    let (status, text) = world.get(&format!("/feed/acme/log?{query}"), Some(&token.text())).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let (head, lines) = parts::<PageHead>(&text);
    let note: Note = head.checkpoint.parse().expect("a note");
    Page { checkpoint: note.text.parse().expect("a checkpoint"), head, lines }
}

fn entries(lines: &[String]) -> Vec<(Entry, Sha256)> {
    (1..).zip(lines).map(|(number, line)| feed::parse(line, Position(number)).expect("an entry")).collect()
}

fn code(text: &str) -> String {
    let problem: serde_json::Value = serde_json::from_str(text).expect("a problem");
    problem["code"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn only_a_living_feed_token_of_the_organisation_opens_its_feed() {
    let world = World::new().await;
    let (token, rivals) = (world.token("acme").await, world.token("rival").await);
    let stranger = Token::new(TokenKind::Feed, token.id(), [1; 32]);
    let as_api = Token::new(TokenKind::Api, token.id(), [1; 32]);
    let (unknown, operator) = (tokens::issue(TokenKind::Feed), world.core.operator_token().await);
    let digest = Sha256::of(b"x");
    for path in ["key", "log", "signing-keys", &format!("blobs/{digest}?entry=0")] {
        let (status, _) = world.get(&format!("/feed/acme/{path}"), Some(&token.text())).await;
        assert_ne!(status, StatusCode::UNAUTHORIZED, "{path}");
        for other in [&rivals, &stranger, &as_api, &unknown, &operator].map(Token::text) {
            let (status, text) = world.get(&format!("/feed/acme/{path}"), Some(&other)).await;
            assert_eq!((status, code(&text).as_str()), (StatusCode::UNAUTHORIZED, "needs_token"), "{path}");
        }
        assert_eq!(world.get(&format!("/feed/acme/{path}"), None).await.0, StatusCode::UNAUTHORIZED);
        for organisation in ["rival", "absent", "-"] {
            let (status, _) = world.get(&format!("/feed/{organisation}/{path}"), Some(&token.text())).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{organisation}/{path}");
        }
    }
    world.revoke("acme", &token).await;
    assert_eq!(world.get("/feed/acme/log", Some(&token.text())).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(world.get("/feed/rival/log", Some(&rivals.text())).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_page_shows_repositories_withholds_the_rest_and_ends_with_a_checkpoint_of_exactly_its_end() {
    let world = World::new().await;
    let token = world.token("acme").await;
    world.add_package("acme", "a package").await;
    world.add_package("rival", "another's package").await;
    world.shows().await;
    let all = page(&world, &token, "").await;
    let mut tree = Accumulator::default();
    let mut names = Vec::new();
    for (entry, leaf) in entries(&all.lines) {
        tree.push(leaf);
        names.push(match entry {
            Entry::Shown(event) => event.event.name,
            Entry::Withheld(_) => "withheld".to_owned(),
        });
    }
    // The organisation and its feed token are withheld; the rival's are not even that.
    assert_eq!(names, ["withheld", "repository.created", "withheld", "repository.package_added"]);
    assert_eq!((all.checkpoint.size, all.checkpoint.root), (4, tree.root()));
    assert_eq!((all.head.from, all.head.size), (0, 4));

    let rest = page(&world, &token, "from=3").await;
    assert_eq!(rest.lines, all.lines[3..]);
    assert_eq!(rest.checkpoint, all.checkpoint);
    let none = page(&world, &token, "from=4").await;
    assert_eq!((none.lines.len(), none.checkpoint), (0, all.checkpoint));
    let (status, text) = world.get("/feed/acme/log?from=5", Some(&token.text())).await;
    assert_eq!((status, code(&text).as_str()), (StatusCode::CONFLICT, "log_is_shorter"));
    for (bad, says) in [
        ("from=x", "the parameter from is not valid: expected a whole number"),
        ("signing_keys=", "the parameter signing_keys is not valid: expected a whole number"),
        ("wait=1.5", "the parameter wait is not valid: expected whole seconds, 0 to 55"),
        (
            &*format!("wait={}", WAIT_MAX_SECONDS + 1),
            "the parameter wait is not valid: expected whole seconds, 0 to 55",
        ),
        ("since=1", "is not a parameter of this URL: expected from, signing_keys, wait"),
        ("from=1&from=2", "the parameter from is given twice"),
    ] {
        let (status, text) = world.get(&format!("/feed/acme/log?{bad}"), Some(&token.text())).await;
        assert!(status == StatusCode::BAD_REQUEST && text.contains(says), "{bad}: {text}");
    }
}

#[tokio::test]
async fn a_page_has_so_many_entries_and_bytes_and_the_next_one_goes_on() {
    let world = World::new().await;
    let token = world.token("acme").await;
    let count = usize::try_from(PAGE_ENTRIES_MAX).expect("not so many");
    world.change("acme", count).await;
    let first = page(&world, &token, "").await;
    assert_eq!((first.lines.len(), first.checkpoint.size), (count, PAGE_ENTRIES_MAX));
    assert_eq!(first.head.size, PAGE_ENTRIES_MAX + 3, "more than are on the page");
    let second = page(&world, &token, &format!("from={count}")).await;
    assert_eq!((second.lines.len(), second.checkpoint.size), (3, PAGE_ENTRIES_MAX + 3));
    let mut tree = Accumulator::default();
    for (_, leaf) in entries(&first.lines) {
        tree.push(leaf);
    }
    assert_eq!(tree.root(), first.checkpoint.root, "it vouches for the end of the page, not for the end of the log");

    let large = || format!("{{\"text\":\"{}\"}}", "x".repeat(PAGE_BYTES_MAX / 5));
    world.record_unknown("acme", (0..7).map(|_| large()).collect()).await;
    let third = page(&world, &token, &format!("from={}", second.checkpoint.size)).await;
    assert_eq!(third.lines.len(), 5, "the fifth one fills it");
    let fourth = page(&world, &token, &format!("from={}", third.checkpoint.size)).await;
    assert_eq!((fourth.lines.len(), fourth.checkpoint.size), (2, third.checkpoint.size + 2));
}

#[tokio::test]
async fn whoever_waits_is_answered_when_something_happens_or_the_time_is_over() {
    let world = World::new().await;
    let token = world.token("acme").await;
    world.shows().await;
    let now = page(&world, &token, "from=3&signing_keys=0&wait=55").await;
    assert!(now.head.signing_keys > 0, "missing signing keys are reported at once");
    let query = format!("from=3&signing_keys={}", now.head.signing_keys);
    assert!(page(&world, &token, &format!("{query}&wait=1")).await.lines.is_empty());

    let query = format!("{query}&wait=55");
    let waiting = page(&world, &token, &query);
    let happens = async {
        // Another organisation's events wake it, but do not concern it.
        world.add_package("rival", "another's package").await;
        world.add_package("acme", "a package").await;
    };
    let (page, ()) = timeout(SOON, async { tokio::join!(waiting, happens) }).await.expect("it does not wait for long");
    assert_eq!(page.lines.len(), 1);
}

#[tokio::test]
async fn a_replica_is_seen_with_what_it_has() {
    let world = World::new().await;
    let token = world.token("acme").await;
    let seen = || world.state.last_seen.of(domain::ids::TokenId(token.id())).map(|replica| replica.entries);
    assert_eq!(seen(), None);
    for from in [0, 2] {
        page(&world, &token, &format!("from={from}")).await;
        assert_eq!(seen(), Some(from));
    }
    let stranger = Token::new(TokenKind::Feed, token.id(), [1; 32]);
    assert!(!world.get("/feed/acme/log?from=1", Some(&stranger.text())).await.0.is_success());
    assert_eq!(seen(), Some(2), "a refused client is not recorded as seen");
}

#[tokio::test]
async fn whoever_waits_with_a_token_that_is_revoked_gets_nothing_more() {
    let world = World::new().await;
    let token = world.token("acme").await;
    world.shows().await;
    let keys = page(&world, &token, "from=3").await.head.signing_keys;
    let (path, text) = (format!("/feed/acme/log?from=3&signing_keys={keys}&wait=55"), token.text());
    let waiting = world.get(&path, Some(&text));
    let (answer, ()) =
        timeout(SOON, async { tokio::join!(waiting, world.revoke("acme", &token)) }).await.expect("soon");
    // Woken by the log, it may come to look before the credentials do; then it sees that there was an event, and no more.
    let lines = answer.1.lines().count();
    assert!(answer.0 == StatusCode::UNAUTHORIZED || lines == 2, "{answer:?}");
    assert_eq!(world.get(&path, Some(&text)).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn so_many_wait_with_one_token_and_no_more() {
    let world = World::new().await;
    let token = world.token("acme").await;
    world.shows().await;
    let keys = page(&world, &token, "from=3").await.head.signing_keys;
    let waits = &world.state.limits.waiting;
    let id = domain::ids::TokenId(token.id());
    let held: Vec<_> = (0..WAITING_PER_TOKEN_MAX).map(|_| waits.take(id).expect("a permit")).collect();
    let path = format!("/feed/acme/log?from=3&signing_keys={keys}&wait=1");
    let (status, text) = world.get(&path, Some(&token.text())).await;
    assert_eq!((status, code(&text).as_str()), (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"));
    assert!(world.get(&path.replace("wait=1", "wait=0"), Some(&token.text())).await.0.is_success(), "it does not wait");
    drop(held);
    assert_eq!(world.get(&path, Some(&token.text())).await.0, StatusCode::OK);
}

#[tokio::test]
async fn so_many_pages_are_put_together_at_the_same_time_and_others_wait_for_their_turn() {
    let world = World::new().await;
    let token = world.token("acme").await;
    world.shows().await;
    let FeedState { limits, last_seen, .. } = &world.state;
    let all = u32::try_from(PAGES_MAX).expect("few");
    let turns = limits.pages.acquire_many(all).await.expect("no other request");
    let text = token.text();
    let mut waiting = std::pin::pin!(world.get("/feed/acme/log?from=2", Some(&text)));
    // The replica is seen just before it takes its turn.
    while last_seen.of(domain::ids::TokenId(token.id())).is_none() {
        assert!(futures::poll!(&mut waiting).is_pending());
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        assert_eq!(world.get("/feed/acme/key", Some(&text)).await.0, StatusCode::OK, "what needs no turn");
        assert!(futures::poll!(&mut waiting).is_pending());
    }
    drop(turns);
    assert_eq!(timeout(SOON, waiting).await.expect("it has its turn").0, StatusCode::OK);
    assert_eq!(limits.pages.available_permits(), PAGES_MAX, "it gives its turn back");
}

#[tokio::test]
async fn the_signing_keys_come_with_what_the_logs_key_signed_about_them() {
    let world = World::new().await;
    let token = world.token("acme").await;
    let (status, text) = world.get("/feed/acme/signing-keys", Some(&token.text())).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let (head, lines) = parts::<SigningKeysHead>(&text);
    let note: Note = head.note.parse().expect("a note");
    assert_eq!(note.text, feed::signing_keys_text("pages.example/log/acme", &lines));
    assert!(lines.iter().any(|line| line.contains("signing-key.generated")));
    // No projector follows the signing keys here: the page counts the signer's keys.
    assert!((1..=lines.len() as u64).contains(&page(&world, &token, "").await.head.signing_keys));
}

#[tokio::test]
async fn no_blob_is_sent_that_the_entry_does_not_name() {
    let world = World::new().await;
    let token = world.token("acme").await;
    let own = world.add_package("acme", "a package").await;
    let rivals = world.add_package("rival", "another's package").await;
    let log = world.put("what a build said").await;
    let received = release::Origin {
        organisation: super::testing::name("acme"),
        project: domain::ids::ProjectId::named(&super::testing::name("acme"), &"web".parse().expect("a name")),
        tag: "v1".parse().expect("a tag"),
        version: domain::version::ReleaseVersion::from_tag(&"v1".parse().expect("a tag")).expect("a version"),
    };
    world.core.execute::<release::Release>(RELEASE.0, release::Command::Receive(received)).await;
    let fail = release::Command::Fail {
        step: release::Step::Building,
        code: "command_failed".to_owned(),
        message: String::new(),
        log: Some(log),
    };
    world.core.execute::<release::Release>(RELEASE.0, fail).await;
    world.shows().await;
    let lines = page(&world, &token, "").await.lines;
    let number = lines.iter().position(|line| line.contains("package_added")).expect("an entry");
    let blob = async |digest: Sha256, entry: usize| {
        world.get(&format!("/feed/acme/blobs/{digest}?entry={entry}"), Some(&token.text())).await
    };
    assert_eq!(blob(own, number).await, (StatusCode::OK, "a package".to_owned()));
    for entry in 0..lines.len() + 2 {
        assert_eq!(blob(rivals, entry).await.0, StatusCode::NOT_FOUND, "another's package");
        assert_eq!(blob(log, entry).await.0, StatusCode::NOT_FOUND, "named by an entry that is withheld");
        assert_eq!(blob(own, entry).await.0 == StatusCode::OK, entry == number, "named by another entry");
    }
    let path = format!("/feed/acme/blobs/{own}?entry={number}");
    for (bad, says) in [
        ("/feed/acme/blobs/xyz?entry=0", "64"),
        (&*path.replace("?entry", "?at"), "is not a parameter of this URL: expected entry"),
        (&*format!("{path}x"), "the parameter entry is not valid: expected a whole number"),
        (&*format!("/feed/acme/blobs/{own}"), "the parameter entry is not valid: expected the number of an entry"),
    ] {
        let (status, text) = world.get(bad, Some(&token.text())).await;
        assert!(status == StatusCode::BAD_REQUEST && text.contains(says), "{bad}: {text}");
    }

    let limits = &world.state.limits.blobs;
    let held: Vec<_> =
        (0..BLOBS_PER_TOKEN_MAX).map(|_| limits.take(domain::ids::TokenId(token.id())).expect("a permit")).collect();
    assert_eq!(blob(own, number).await.0, StatusCode::TOO_MANY_REQUESTS);
    drop(held);
    std::fs::remove_file(world.core.blobs.local_path(own).expect("a file")).expect("it was there");
    let (status, text) = blob(own, number).await;
    assert_eq!((status, code(&text).as_str()), (StatusCode::CONFLICT, "blob_lost"));
}

#[tokio::test]
async fn the_pieces_of_a_file_come_with_the_entry_that_names_the_file() {
    let world = World::new().await;
    let token = world.token("acme").await;
    let (piece, other) = (world.put("a piece").await, world.put("a piece of another file").await);
    let segmented_file = Manifest { pieces: vec![Piece::Blob { sha256: piece, size_bytes: 7 }] }.to_bytes();
    let segmented_file = world.core.blobs.put_bytes(segmented_file).await.expect("stored");
    let file =
        |path: &str, stored| IndexFile { path: path.to_owned(), sha256: Sha256::of(b"x"), size_bytes: 7, stored };
    let signed = SignedIndex {
        covers: Revision(1),
        published_at: world.core.executor.now(),
        signed: file("dists/stable/Release", Stored::Unserved),
        signatures: vec![],
        files: vec![
            file("Packages", Stored::Segmented(segmented_file)),
            file("Packages.gz", Stored::Segmented(Sha256::of(b"lost"))),
        ],
        key_fingerprint: domain::fingerprint::Fingerprint::recorded("AB"),
        renderer: 1,
        stated: Box::default(),
        co_signers: vec![],
    };
    world.record("acme", repository::Event::IndexSigned(signed)).await;
    let (last, leaf) = entries(&page(&world, &token, "").await.lines).pop().expect("an entry");
    let Entry::Shown(event) = last else { panic!("{leaf} is withheld") };
    assert!(decode(&event.event).is_ok());
    let blob =
        async |digest: Sha256| world.get(&format!("/feed/acme/blobs/{digest}?entry=3"), Some(&token.text())).await;
    assert_eq!(blob(segmented_file).await.0, StatusCode::OK);
    assert_eq!(blob(piece).await, (StatusCode::OK, "a piece".to_owned()));
    assert_eq!(blob(other).await.0, StatusCode::NOT_FOUND);
}
