//! Rolling access keys: old ones die with the answer, or live beside the new ones for as long as the operator says.

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use stories::{Answer, Format, MadeRepository, Server, Team, packages_index, text};

use crate::sample::Sample;

const CLIENTS: usize = 8;
const ROLLS: usize = 25;
/// How long something that happens by itself may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

type Login = (String, String);

/// A repository whose keys are rolled.
struct Ring {
    server: Server,
    team: Team,
    apt: MadeRepository,
}

impl Ring {
    async fn set_up() -> Self {
        let server = Server::start();
        let team = server.operator();
        team.create_organisation("acme").await;
        let apt = team.create_repository("acme", "debian", Format::Deb).await;
        Self { server, team, apt }
    }

    fn first_key(&self) -> Login {
        (self.apt.key_id.clone(), self.apt.key_secret.clone())
    }

    /// `field(organisation, repository, …more) { … }` as a mutation.
    async fn change(&self, field: &str, more: &str, answer: &str) -> Value {
        let document =
            format!("mutation {{ {field}(organisation: \"acme\", repository: \"debian\"{more}) {{ {answer} }} }}");
        self.team.graphql(&document).await[field].clone()
    }

    async fn issue(&self, name: &str, more: &str) -> Login {
        let issued =
            self.change("issueAccessKey", &format!(", name: \"{name}\"{more}"), "accessKey { id secret }").await;
        login(&issued["accessKey"])
    }

    async fn roll(&self, more: &str) -> Value {
        let answer = "generation graceUntil installCommand accessKeys { name kind accessKey { id secret } }";
        self.change("rollAccessKeys", more, answer).await
    }

    async fn revoke(&self, key: &Login) {
        self.change("revokeAccessKey", &format!(", key: \"{}\"", key.0), "name").await;
    }

    async fn keyring(&self) -> Value {
        let asked = "{ repository(organisation: \"acme\", name: \"debian\") { keyring { generation grace { isOpen \
                     machines moved closedBecause silent { name hasRenewed } } keys { name kind generation isOlder \
                     enrolled enrolsMax } } } }";
        self.team.graphql(asked).await["repository"]["keyring"].clone()
    }

    /// Whether the key opens the repository. It is empty, so a request with a valid key finds nothing.
    async fn opens(&self, key: &Login) -> bool {
        match self.apt.get_as("nothing", Some((&key.0, &key.1))).await.status {
            StatusCode::NOT_FOUND => true,
            StatusCode::UNAUTHORIZED => false,
            other => panic!("{other}"),
        }
    }

    async fn ask_for_credentials(&self, method: Method, key: &Login, query: &str) -> Answer {
        let request = self.team.request(method, &format!("/install/acme/debian/credentials{query}"));
        Answer::to(request.basic_auth(&key.0, Some(&key.1))).await
    }

    /// What the holder of `key` is handed.
    async fn handed(&self, key: &Login, query: &str) -> Login {
        let answer = self.ask_for_credentials(Method::GET, key, query).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let text = answer.text();
        let mut lines = text.lines();
        let mut value = |word: &str| lines.next().and_then(|line| line.strip_prefix(word)).map(str::to_owned);
        let handed = (value("login ").expect("a login"), value("password ").expect("a password"));
        assert_eq!(lines.next(), None);
        handed
    }

    /// Waits until the keyring is as `wanted` says.
    async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let keyring = self.keyring().await;
            if wanted(&keyring) {
                return keyring;
            }
            assert!(Instant::now() < deadline, "{what}: {keyring:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What led to the newest event of that name, from what began it on.
    async fn chain(&self, event: &str) -> Vec<String> {
        let asked = format!("{{ events(filter: {{ names: [\"{event}\"] }}, first: 1) {{ events {{ id }} }} }}");
        let id = text(&self.team.graphql(&asked).await, "/events/events/0/id");
        let chain = self.team.graphql(&format!("{{ chain(event: \"{id}\") {{ name }} }}")).await;
        chain["chain"].as_array().expect("a list").iter().map(|link| text(link, "/name")).collect()
    }

    async fn count(&self, event: &str) -> usize {
        let log = self.server.event_log().await;
        let names = log.names_after(0).await;
        log.close().await;
        names.iter().filter(|name| *name == event).count()
    }
}

fn login(key: &Value) -> Login {
    (text(key, "/id"), text(key, "/secret"))
}

/// The key of that name that a roll made.
fn made(rolled: &Value, name: &str) -> Login {
    let keys = rolled["accessKeys"].as_array().expect("keys");
    login(&keys.iter().find(|key| key["name"] == name).expect("a key of that name")["accessKey"])
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_that_starts_after_a_rolls_answer_gets_in_with_an_old_key() {
    let ring = Ring::set_up().await;
    // Every key there ever was; those before `dead` were rolled away by a roll that has answered.
    let keys = Arc::new(RwLock::new(vec![ring.first_key()]));
    let dead = Arc::new(AtomicUsize::new(0));
    let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (keys, dead, over, asked) = (keys.clone(), dead.clone(), over.clone(), asked.clone());
            let apt = ring.apt.clone();
            tokio::spawn(async move {
                let mut let_in = 0;
                while !over.load(Ordering::SeqCst) {
                    let before = dead.load(Ordering::SeqCst);
                    let (number, key) = {
                        let keys = keys.read().expect("no panic");
                        // Some use the newest key, some the one before.
                        let number = keys.len().saturating_sub(1 + client % 2);
                        (number, keys[number].clone())
                    };
                    let answer = apt.get_as("nothing", Some((&key.0, &key.1))).await;
                    let entered = answer.status != StatusCode::UNAUTHORIZED;
                    assert!(!(entered && number < before), "key {number} of {before} dead ones still opens");
                    let_in += usize::from(entered);
                    asked.fetch_add(1, Ordering::SeqCst);
                }
                let_in
            })
        })
        .collect();
    for number in 0..ROLLS {
        let rolled = ring.roll("").await;
        dead.store(number + 1, Ordering::SeqCst);
        keys.write().expect("no panic").push(made(&rolled, "default"));
        assert_eq!(rolled["generation"], number + 2);
        let so_far = asked.load(Ordering::SeqCst);
        while asked.load(Ordering::SeqCst) < so_far + CLIENTS {
            tokio::task::yield_now().await;
        }
    }
    over.store(true, Ordering::SeqCst);
    let mut let_in = 0;
    for client in clients {
        let_in += client.await.expect("no dead key opens anything");
    }
    assert!(let_in > ROLLS, "clients with the newest key get in");
    assert_eq!(ring.count("keyring.rolled").await, ROLLS);

    // The answer of the last roll was lost: asked again with the generation it was for, nothing is rolled.
    let again = "mutation { rollAccessKeys(organisation: \"acme\", repository: \"debian\", ifGeneration: 1) \
                 { generation } }";
    let refused = ring.team.graphql_answer(again).await;
    assert_eq!(refused.pointer("/errors/0/extensions/code"), Some(&"rolled_already".into()), "{refused:#}");
    assert_eq!(ring.count("keyring.rolled").await, ROLLS);
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_move_to_their_new_keys_in_a_grace_window_that_survives_kill_9() {
    let mut ring = Ring::set_up().await;
    let shared = ring.first_key();
    let enrolment = ring.issue("fleet", ", kind: ENROLMENT, enrolsMax: 3").await;
    assert!(!ring.opens(&enrolment).await, "an enrolment key is no key to packages");
    let nameless = ring.ask_for_credentials(Method::POST, &enrolment, "").await;
    assert_eq!((nameless.status, nameless.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "machine_missing"));

    let mut old = Vec::new();
    for machine in ["web-1", "web-2", "web-3"] {
        old.push(ring.handed(&enrolment, &format!("?machine={machine}")).await);
    }
    let fourth = ring.ask_for_credentials(Method::GET, &enrolment, "?machine=web-4").await;
    assert_eq!((fourth.status, fourth.code().as_str()), (StatusCode::CONFLICT, "enrolment_used_up"));
    let replaced = ring.handed(&enrolment, "?machine=web-3").await;
    assert!(!ring.opens(&old[2]).await && ring.opens(&replaced).await, "who enrols again has a new key");
    old[2] = replaced;
    for key in old.iter().chain([&shared]) {
        assert!(ring.opens(key).await);
        assert_eq!(ring.handed(key, "").await, *key, "who has the newest key keeps it");
    }

    let rolled = ring.roll(", graceSeconds: 3600").await;
    let new_shared = made(&rolled, "default");
    for key in old.iter().chain([&shared, &new_shared]) {
        assert!(ring.opens(key).await, "both generations work");
    }
    assert_eq!(ring.handed(&shared, "").await, new_shared);
    let first = ring.handed(&old[0], "").await;
    assert_eq!(ring.handed(&old[0], "").await, first, "however often it asks");
    let second_window = "mutation { rollAccessKeys(organisation: \"acme\", repository: \"debian\", graceSeconds: 60) \
                         { generation } }";
    let refused = ring.team.graphql_answer(second_window).await;
    assert!(
        text(&refused, "/errors/0/message").contains("a grace window, in which older access keys still work, is open"),
        "{refused:#}"
    );

    ring.server.restart();
    assert!(ring.opens(&old[0]).await && ring.opens(&first).await && ring.opens(&shared).await);
    assert_eq!(ring.handed(&old[0], "").await, first, "what was sealed opens after kill -9");
    let keyring = ring.until("one has moved", |keyring| keyring["grace"]["moved"] == 1).await;
    assert_eq!((&keyring["grace"]["machines"], &keyring["generation"]), (&3.into(), &2.into()));
    let silent: Vec<String> =
        keyring["grace"]["silent"].as_array().expect("machines").iter().map(|m| text(m, "/name")).collect();
    assert_eq!(silent, ["web-2", "web-3"]);

    // One machine is cut off, with both of its keys; it is not waited for.
    let second = ring.handed(&old[1], "").await;
    ring.revoke(&old[1]).await;
    assert!(!ring.opens(&old[1]).await && !ring.opens(&second).await && ring.opens(&old[2]).await);
    let third = ring.handed(&old[2], "").await;
    assert!(ring.opens(&third).await);
    ring.until("two of two have moved", |keyring| keyring["grace"]["moved"] == 2 && keyring["grace"]["machines"] == 2)
        .await;
    // The server cannot know who holds the old shared key. Without that key, every machine has moved.
    assert!(ring.opens(&shared).await);
    ring.revoke(&shared).await;
    let closed = ring.until("it closes by itself", |keyring| keyring["grace"]["isOpen"] == false).await;
    assert_eq!(closed["grace"]["closedBecause"], "everyone_moved");
    for (key, opens) in [(&old[0], false), (&old[2], false), (&first, true), (&third, true), (&new_shared, true)] {
        assert_eq!(ring.opens(key).await, opens);
    }
    let deadline = Instant::now() + LIMIT;
    while ring.count("keyring.sealed_keys_deleted").await == 0 {
        assert!(Instant::now() < deadline, "the sealed keys are deleted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let moved = ["keyring.grace_opened", "keyring.key_renewed", "keyring.machine_moved"];
    assert_eq!(ring.chain("keyring.machine_moved").await, moved);
    let deleted = ["keyring.access_key_revoked", "keyring.grace_closed", "keyring.sealed_keys_deleted"];
    assert_eq!(ring.chain("keyring.sealed_keys_deleted").await, deleted, "the old shared key was the last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_ends_by_its_time_or_is_cut_early_and_keys_expire() {
    let ring = Ring::set_up().await;
    let old = ring.first_key();
    let new = made(&ring.roll(", graceSeconds: 2").await, "default");
    let deadline = Instant::now() + LIMIT;
    while ring.opens(&old).await {
        assert!(Instant::now() < deadline, "the window ends");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(ring.opens(&new).await);
    let closed = ring.until("its end is recorded", |keyring| keyring["grace"]["closedBecause"] == "time_over").await;
    assert_eq!(closed["keys"].as_array().map(Vec::len), Some(1));

    let newer = made(&ring.roll(", graceSeconds: 3600").await, "default");
    assert!(ring.opens(&new).await && ring.opens(&newer).await);
    ring.change("closeGrace", "", "name").await;
    assert!(!ring.opens(&new).await && ring.opens(&newer).await);
    let none = "mutation { closeGrace(organisation: \"acme\", repository: \"debian\") { name } }";
    let refused = ring.team.graphql_answer(none).await;
    assert!(text(&refused, "/errors/0/message").contains("no grace window"), "{refused:#}");

    let until = (chrono::Utc::now() + chrono::TimeDelta::seconds(10)).to_rfc3339();
    let short = ring.issue("short", &format!(", kind: ENROLMENT, expiresAt: \"{until}\"")).await;
    let machine = ring.handed(&short, "?machine=web-1").await;
    let other = ring.issue("other", ", kind: ENROLMENT").await;
    let taken = ring.ask_for_credentials(Method::GET, &other, "?machine=web-1").await;
    assert_eq!((taken.status, taken.code().as_str()), (StatusCode::CONFLICT, "machine_name_taken"));
    while ring.ask_for_credentials(Method::GET, &short, "?machine=web-2").await.status == StatusCode::OK {
        assert!(Instant::now() < deadline, "the key ends");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ended = ring.ask_for_credentials(Method::GET, &short, "?machine=web-2").await;
    assert_eq!(ended.status, StatusCode::UNAUTHORIZED);
    assert!(ring.opens(&machine).await, "who has enrolled stays");
    let taken = ring.ask_for_credentials(Method::GET, &other, "?machine=web-1").await;
    assert_eq!(taken.code(), "machine_name_taken", "and keeps its name, whatever became of the key that let it in");
    ring.revoke(&machine).await;
    let again = ring.handed(&other, "?machine=web-1").await;
    assert!(!ring.opens(&machine).await && ring.opens(&again).await, "the name is free once the machine is cut off");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_asked_which_machines_fetched_a_package() {
    let sample = Sample::set_up().await;
    sample.released("v1.0.0").await;
    let ask = "mutation { issueAccessKey(organisation: \"acme\", repository: \"debian\", name: \"fleet\", \
               kind: ENROLMENT) { accessKey { id secret } } }";
    let enrolment = login(&sample.team.graphql(ask).await["issueAccessKey"]["accessKey"]);
    let mut machines = Vec::new();
    for name in ["web-1", "web-2"] {
        let path = format!("/install/acme/debian/credentials?machine={name}");
        let request = sample.team.request(Method::GET, &path).basic_auth(&enrolment.0, Some(&enrolment.1));
        let text = Answer::to(request).await.text();
        let words: Vec<&str> = text.split_whitespace().collect();
        machines.push((words[1].to_owned(), words[3].to_owned()));
    }
    let index = packages_index(&sample.apt).await;
    let field = |name: &str| {
        index.lines().find_map(|line| line.strip_prefix(name)).expect("a field of the package").trim().to_owned()
    };
    let (file, sha256) = (field("Filename:"), field("SHA256:"));
    for (key, times) in [(&machines[0], 2), (&machines[1], 1)] {
        for _ in 0..times {
            let answer = sample.apt.get_as(&file, Some((&key.0, &key.1))).await;
            assert_eq!(answer.status, StatusCode::OK);
        }
    }
    let asked = format!("{{ fetchedBy(sha256: \"{sha256}\") {{ name kind organisation repository times }} }}");
    let deadline = Instant::now() + LIMIT;
    loop {
        let fetched = sample.team.graphql(&asked).await["fetchedBy"].clone();
        let mut found: Vec<(String, u64)> = fetched
            .as_array()
            .expect("fetches")
            .iter()
            .map(|fetch| (text(fetch, "/name"), fetch["times"].as_u64().unwrap_or_default()))
            .collect();
        found.sort();
        if found == [("web-1".to_owned(), 2), ("web-2".to_owned(), 1)] {
            assert_eq!((&fetched[0]["kind"], &fetched[0]["repository"]), (&"MACHINE".into(), &"debian".into()));
            break;
        }
        assert!(Instant::now() < deadline, "{fetched:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
