#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::{
    aggregate::Aggregate as _,
    keyring::{Command, EnrolmentLimits, Event, Keyring, NextKey, Replacement, Terms, WindowEnd},
    recorded::Position,
};
use proptest::{prelude::*, test_runner::TestRunner};
use uuid::Uuid;

use super::*;
use crate::testing::{Running, World, at, dump};

const REPOSITORY: RepositoryId = RepositoryId(Uuid::from_u128(1));
const MACHINES: u128 = 5;

fn key(n: u128) -> AccessKeyId {
    AccessKeyId(Uuid::from_u128(n))
}

fn secret(n: AccessKeyId) -> Sha256 {
    Sha256::of(n.0.as_bytes())
}

/// A keyring whose events are projected; each second something happens.
struct Ring {
    world: World,
    running: Running,
    state: Keyring,
    second: i64,
    /// Every key there ever was.
    keys: Vec<AccessKeyId>,
}

impl Ring {
    async fn new() -> Self {
        let world = World::new();
        let running = world.start().await;
        Self { world, running, state: Keyring::default(), second: 0, keys: Vec::new() }
    }

    fn now(&self) -> DateTime<Utc> {
        at(self.second)
    }

    /// Decides, and appends what follows. A refusal changes nothing.
    fn run(&mut self, command: Command) -> Option<Position> {
        let mut last = None;
        for event in self.state.decide(command).unwrap_or_default() {
            self.state.evolve(&event);
            last = Some(self.world.log.append("keyring", REPOSITORY.0, self.second, event));
        }
        last
    }

    /// As [`Self::run`], and waits until it shows.
    async fn shows(&mut self, command: Command) {
        let position = self.run(command).unwrap();
        self.running.shows(position).await;
    }

    fn issue(&mut self, n: u128, terms: Terms) -> Command {
        self.keys.push(key(n));
        let name = format!("key-{n}").parse().unwrap();
        Command::IssueAccessKey { key: key(n), name, secret_sha256: secret(key(n)), terms, now: self.now() }
    }

    fn shared(&mut self, n: u128) -> Command {
        self.issue(n, Terms::Shared { expires_at: None })
    }

    fn enrolment(&mut self, n: u128) -> Command {
        self.issue(n, Terms::Enrolment(EnrolmentLimits { expires_at: at(1_000_000), enrols_max: 100_000 }))
    }

    fn enrol(&mut self, enrolment: AccessKeyId, n: u128, machine: u128) -> Command {
        self.keys.push(key(n));
        let machine = format!("machine-{machine}").parse().unwrap();
        Command::EnrolMachine { enrolment, key: key(n), machine, secret_sha256: secret(key(n)), now: self.now() }
    }

    fn renew(&mut self, old: AccessKeyId) -> Command {
        let new = old.renewed(self.state.generation());
        self.keys.push(new);
        Command::RenewKey { old, secret_sha256: secret(new), now: self.now() }
    }

    fn replacements(&mut self, from: u128) -> Vec<Replacement> {
        let renewed = self.state.to_renew(self.now());
        let new = (from..).map(key);
        let all: Vec<_> = renewed
            .into_iter()
            .zip(new)
            .map(|(old, new)| Replacement { old, new, secret_sha256: secret(new) })
            .collect();
        self.keys.extend(all.iter().map(|replacement| replacement.new));
        all
    }

    fn roll(&mut self, from: u128) -> Command {
        Command::Roll { replacements: self.replacements(from), now: self.now() }
    }

    fn grace(&mut self, from: u128, seconds: i64) -> Command {
        let until = self.now() + TimeDelta::seconds(seconds);
        Command::OpenGrace { until, replacements: self.replacements(from), now: self.now() }
    }

    fn standing_at(&self, key: AccessKeyId, now: DateTime<Utc>) -> Option<Standing> {
        self.running.credentials.pass(REPOSITORY, key, &secret(key), now).map(|pass| pass.standing)
    }

    fn standing(&self, key: AccessKeyId) -> Option<Standing> {
        self.standing_at(key, self.now())
    }

    async fn progress(&self) -> (u32, u32) {
        let progress = self.running.credentials.keyring(REPOSITORY, self.now()).await.unwrap();
        (progress.moved, progress.machines)
    }
}

#[tokio::test]
async fn a_key_opens_its_repository_with_its_secret_alone() {
    let mut ring = Ring::new().await;
    let issue = ring.shared(10);
    ring.shows(issue).await;
    let pass = |repository, id, sha256| ring.running.credentials.pass(repository, id, &sha256, at(1));
    let good = Pass { kind: KeyKind::Shared, standing: Standing::Current };
    assert_eq!(pass(REPOSITORY, key(10), secret(key(10))), Some(good));
    assert_eq!(pass(REPOSITORY, key(10), secret(key(11))), None);
    assert_eq!(pass(REPOSITORY, key(11), secret(key(11))), None);
    assert_eq!(pass(RepositoryId(Uuid::from_u128(9)), key(10), secret(key(10))), None);
    assert_eq!(pass(REPOSITORY, key(11), Sha256([0; 32])), None, "an unknown id has no secret at all");
}

#[tokio::test]
async fn a_revoked_key_is_dead_and_an_expired_one_dies_by_itself() {
    let mut ring = Ring::new().await;
    let issue = ring.shared(10);
    ring.run(issue);
    let issue = ring.issue(11, Terms::Shared { expires_at: Some(at(100)) });
    ring.shows(issue).await;
    ring.shows(Command::RevokeAccessKey { key: key(10) }).await;
    assert_eq!(ring.standing(key(10)), None);
    assert_eq!(ring.standing_at(key(11), at(99)), Some(Standing::Current));
    assert_eq!(ring.standing_at(key(11), at(100)), None);
    let listed = |now| ring.running.credentials.access_keys(REPOSITORY, now, None, 10);
    let names = |keys: Vec<AccessKey>| keys.into_iter().map(|key| key.name).collect::<Vec<_>>();
    assert_eq!(names(listed(at(99)).await.unwrap()), ["key-11"]);
    assert!(listed(at(100)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_hundred_thousand_keys_end_with_one_row_and_are_forgotten_little_by_little() {
    let mut ring = Ring::new().await;
    let issue = ring.enrolment(1);
    ring.run(issue);
    for n in 0..99_999 {
        let enrol = ring.enrol(key(1), 1_000 + n, n);
        ring.run(enrol);
    }
    let last = ring.world.log.append("keyring", Uuid::from_u128(9), 1, Event::MachineMoved { key: key(5) });
    ring.running.shows(last).await;
    assert_eq!(ring.standing(key(1_000)), Some(Standing::Current));
    let roll = ring.roll(500);
    ring.shows(roll).await;
    for n in [1_000, 50_000, 100_998] {
        assert_eq!(ring.standing(key(n)), None);
    }
    assert_eq!(ring.standing(key(500)), Some(Standing::Current));
    let known = || ring.running.credentials.live().access_keys.keys.len();
    assert!(known() > 50_000, "the roll does not wait until all are forgotten");
    for n in 0..30 {
        let position = ring.world.log.append("keyring", Uuid::from_u128(9), n, Event::MachineMoved { key: key(5) });
        ring.running.shows(position).await;
    }
    assert_eq!(known(), 1);
}

#[tokio::test]
async fn both_generations_work_in_a_window_until_its_time_is_over() {
    let mut ring = Ring::new().await;
    let issue = ring.shared(10);
    ring.run(issue);
    let grace = ring.grace(20, 60);
    ring.shows(grace).await;
    assert_eq!(ring.standing_at(key(10), at(59)), Some(Standing::Older));
    assert_eq!(ring.standing_at(key(20), at(59)), Some(Standing::Current));
    assert_eq!(ring.standing_at(key(10), at(60)), None, "though its closing was not recorded");
    let windows = ring.running.credentials.open();
    let window = OpenWindow { repository: REPOSITORY, generation: 2, until: at(60), every_machine_moved: false };
    assert_eq!(windows, [window]);
    let over = ring.running.credentials.keyring(REPOSITORY, at(60)).await.unwrap();
    assert_eq!((over.grace_until, over.closed_by.as_deref()), (None, Some("time_over")));
}

#[tokio::test]
async fn a_window_shows_who_moved_and_who_is_silent() {
    let mut ring = Ring::new().await;
    let issue = ring.enrolment(1);
    ring.run(issue);
    for n in 0..3 {
        let enrol = ring.enrol(key(1), 100 + n, n);
        ring.run(enrol);
    }
    let grace = ring.grace(2, 60);
    ring.run(grace);
    for n in [100, 101] {
        let renew = ring.renew(key(n));
        ring.run(renew);
    }
    ring.second += 1;
    let new = key(100).renewed(2);
    let position = ring.run(Command::RecordMoved { key: new }).unwrap();
    ring.running.shows(position).await;
    assert_eq!(ring.progress().await, (1, 3));
    assert_eq!(ring.standing(new), Some(Standing::Current));
    assert_eq!(ring.standing(key(101).renewed(2)), Some(Standing::NeverUsed));
    let silent = async |after, first| ring.running.credentials.silent_machines(REPOSITORY, after, first).await.unwrap();
    let second = SilentMachine { key: key(101), renewed: Some(key(101).renewed(2)), name: "machine-1".to_owned() };
    let third = SilentMachine { key: key(102), renewed: None, name: "machine-2".to_owned() };
    assert_eq!(silent(None, 10).await, [second.clone(), third.clone()]);
    assert_eq!(silent(None, 1).await, [second]);
    assert_eq!(silent(Some("machine-1"), 10).await, [third]);
}

/// It enrolled twice before the window, so that its older key has replaced one of the same generation.
#[tokio::test]
async fn a_machine_that_has_moved_and_is_cut_off_counts_no_more_however_often_it_enrolled() {
    let mut ring = Ring::new().await;
    let issue = ring.enrolment(1);
    ring.run(issue);
    for n in [100, 101] {
        let enrol = ring.enrol(key(1), n, 1);
        ring.run(enrol);
    }
    let other = ring.enrol(key(1), 102, 2);
    ring.run(other);
    let grace = ring.grace(200, 20);
    ring.run(grace);
    let renew = ring.renew(key(101));
    ring.run(renew);
    let new = key(101).renewed(2);
    ring.shows(Command::RecordMoved { key: new }).await;
    assert_eq!(ring.progress().await, (1, 2));
    ring.shows(Command::RevokeAccessKey { key: new }).await;
    assert_eq!(ring.progress().await, (0, 1));
}

#[tokio::test]
async fn keys_are_listed_page_by_page_and_named_after_their_end() {
    let mut ring = Ring::new().await;
    for n in 1..=5 {
        let issue = ring.shared(n);
        ring.run(issue);
        ring.second += i64::from(n > 2);
    }
    ring.shows(Command::RevokeAccessKey { key: key(5) }).await;
    let page = async |after, first| {
        let keys = ring.running.credentials.access_keys(REPOSITORY, ring.now(), after, first).await.unwrap();
        keys.into_iter().map(|key| key.id).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2).await, [key(4), key(3)]);
    assert_eq!(page(Some(key(3)), 2).await, [key(2), key(1)]);
    assert_eq!(page(Some(key(1)), 2).await, []);
    let known = ring.running.credentials.known_keys(&[key(5), key(77)]).await.unwrap();
    assert_eq!(known.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["key-5"]);
}

/// Something that happens to a keyring.
#[derive(Debug, Clone, Copy)]
enum Step {
    Enrol(u128),
    Renew(usize),
    Move(usize),
    Revoke(usize),
    Roll,
    Grace,
    Close(WindowEnd),
    Forget,
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any_key = 0_usize..40;
    let step = prop_oneof![
        6 => (0..MACHINES).prop_map(Step::Enrol),
        6 => any_key.clone().prop_map(Step::Renew),
        6 => any_key.clone().prop_map(Step::Move),
        3 => any_key.prop_map(Step::Revoke),
        1 => Just(Step::Roll),
        3 => Just(Step::Grace),
        1 => Just(Step::Close(WindowEnd::Cut)),
        2 => Just(Step::Close(WindowEnd::EveryoneMoved)),
        2 => Just(Step::Close(WindowEnd::TimeOver)),
        1 => Just(Step::Forget),
        3 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 1..60)
}

impl Ring {
    fn take(&mut self, step: Step, fresh: u128) -> Option<Position> {
        let nth = |ring: &Self, n: usize| ring.keys[n % ring.keys.len()];
        let command = match step {
            Step::Enrol(machine) => {
                let enrolment = self.state.to_renew(self.now()).first().copied()?;
                self.enrol(enrolment, fresh, machine)
            }
            Step::Renew(n) => self.renew(nth(self, n)),
            Step::Move(n) => Command::RecordMoved { key: nth(self, n) },
            Step::Revoke(n) => Command::RevokeAccessKey { key: nth(self, n) },
            Step::Roll => self.roll(fresh),
            Step::Grace => self.grace(fresh, 20),
            Step::Close(because) => {
                Command::CloseGrace { generation: self.state.generation(), because, now: self.now() }
            }
            Step::Forget => {
                let generation = self.state.forgettable().next().map(|(generation, _)| generation)?;
                Command::RecordSealedKeysDeleted { generation }
            }
            Step::Wait => {
                self.second += 7;
                return None;
            }
        };
        self.run(command)
    }

    /// What the projection says is what the rules say.
    async fn agrees(&self) {
        let mut ids = self.keys.clone();
        ids.sort_unstable();
        ids.dedup();
        for key in ids {
            let next = self.state.next_key(key, self.now());
            let expected = next.map(|next| match next {
                NextKey::Sealed(_) | NextKey::ToRenew(_) => "older",
                NextKey::Same | NextKey::ToEnrol => "",
            });
            let standing = self.standing(key);
            assert_eq!(standing.is_some(), expected.is_some(), "{key} at {}", self.second);
            if expected == Some("older") {
                assert_eq!(standing, Some(Standing::Older), "{key}");
            }
        }
        if let Some(window) = self.state.window() {
            assert_eq!(self.progress().await, (window.moved, window.machines));
        }
        let sealed: BTreeMap<u32, ()> = self.state.forgettable().map(|(generation, _)| (generation, ())).collect();
        let projected = self.running.credentials.closed().into_iter();
        assert_eq!(projected.map(|window| (window.generation, ())).collect::<BTreeMap<_, _>>(), sealed);
    }
}

#[test]
fn whatever_happens_the_projection_agrees_with_the_rules_also_after_a_restart_and_a_rebuild() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases: 64, max_shrink_iters: 200, ..ProptestConfig::default() };
    let run = TestRunner::new(config).run(&steps(), |steps| {
        runtime.block_on(async {
            let mut ring = Ring::new().await;
            let issue = ring.enrolment(1);
            ring.run(issue);
            let issue = ring.shared(2);
            let mut last = ring.run(issue).unwrap();
            for (fresh, step) in (1_000..).step_by(10).zip(steps) {
                last = ring.take(step, fresh).unwrap_or(last);
                ring.running.shows(last).await;
                ring.agrees().await;
            }
            let standings = |ring: &Ring| ring.keys.iter().map(|key| ring.standing(*key)).collect::<Vec<_>>();
            let before = standings(&ring);
            ring.running.task.abort();
            ring.running = ring.world.start().await;
            ring.running.shows(last).await;
            ring.agrees().await;
            assert_eq!(standings(&ring), before);
            let again = ring.world.start_at("again.db").await;
            again.shows(last).await;
            assert_eq!(dump(ring.world.folder.path().join("again.db")).await, dump(ring.world.read_models()).await);
        });
        Ok(())
    });
    run.unwrap();
}
