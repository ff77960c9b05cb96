//! The key history says of every moment what the access rule says, for random histories, and stays so afterwards.

use proptest::prelude::*;

use super::*;

fn later(hours: usize) -> DateTime<Utc> {
    now() + TimeDelta::hours(i64::try_from(hours).expect("a few days"))
}

/// A command at hour `hour`; many are refused, as in life.
fn command(what: u8, n: usize, hour: usize, keyring: &Keyring) -> Command {
    let now = later(hour);
    let some_key = || keyring.keys.keys().nth(n % keyring.keys.len().max(1)).copied().unwrap_or(key(0));
    let replacements = || -> Vec<_> {
        let fresh = (1_000 * (hour + 1)..).map(key);
        let replacement = |(old, new)| Replacement { old, new, secret_sha256: secret(n) };
        keyring.to_renew(now).into_iter().zip(fresh).map(replacement).collect()
    };
    let issue = |terms| Command::IssueAccessKey {
        key: key(500_000 + hour),
        name: name(n),
        secret_sha256: secret(n),
        terms,
        now,
    };
    match what {
        0 => issue(Terms::Shared { expires_at: n.is_multiple_of(2).then(|| later(hour + 3)) }),
        1 => issue(Terms::Enrolment(EnrolmentLimits { expires_at: later(hour + 9), enrols_max: 3 })),
        2 | 3 => Command::EnrolMachine {
            enrolment: some_key(),
            key: key(600_000 + hour),
            machine: machine(n % 4),
            secret_sha256: secret(n),
            now,
        },
        4 => Command::RevokeAccessKey { key: some_key() },
        5 => Command::Roll { replacements: replacements(), now },
        6 => Command::OpenGrace { until: later(hour + 4), replacements: replacements(), now },
        7 => {
            let because = if n.is_multiple_of(2) { WindowEnd::Cut } else { WindowEnd::TimeOver };
            Command::CloseGrace { generation: keyring.generation(), because, now }
        }
        _ => Command::RenewKey { old: some_key(), secret_sha256: secret(n), now },
    }
}

fn let_in(keyring: &Keyring, at: DateTime<Utc>) -> Vec<AccessKeyId> {
    keyring.keys.keys().copied().filter(|key| keyring.live(*key, at).is_some()).collect()
}

fn entrants(histories: &KeyHistories, at: DateTime<Utc>) -> Vec<AccessKeyId> {
    histories.entrants(at).map(|(key, _)| key).collect()
}

proptest! {
    #[test]
    fn the_key_history_agrees_with_the_access_rule(commands in prop::collection::vec((0_u8..9, 0_usize..12), 1..60)) {
        let (mut keyring, mut histories) = (Keyring::default(), KeyHistories::default());
        let mut history = Vec::new();
        for (hour, (what, n)) in commands.into_iter().enumerate() {
            for event in keyring.decide(command(what, n, hour, &keyring)).unwrap_or_default() {
                keyring.evolve(&event);
                histories.evolve(&event, later(hour));
            }
            for ahead in [0, 1, 5, 20] {
                let at = later(hour + ahead);
                prop_assert_eq!(entrants(&histories, at), let_in(&keyring, at), "seen from hour {}", hour);
            }
            history.push((later(hour), let_in(&keyring, later(hour))));
        }
        for (at, then) in history {
            prop_assert_eq!(entrants(&histories, at), then, "looking back at {}", at);
        }
    }
}

#[test]
fn a_window_that_closed_late_ended_its_keys_in_time() {
    let mut histories = KeyHistories::default();
    let opened = Event::GraceOpened { generation: 2, until: later(4), successors: vec![successor(1, 2)] };
    for (event, hour) in
        [(shared(1), 0), (opened, 1), (Event::GraceClosed { generation: 2, because: WindowEnd::TimeOver }, 9)]
    {
        histories.evolve(&event, later(hour));
    }
    assert_eq!(histories.end(key(1)), Some(End { at: later(4), because: Ended::WindowClosed }));
    assert_eq!(entrants(&histories, later(3)), [key(1), key(2)]);
    assert_eq!(entrants(&histories, later(4)), [key(2)]);
    assert_eq!(histories.get(key(1)).and_then(|life| life.successor), Some(key(2)));
}
