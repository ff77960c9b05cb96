use super::*;

fn roll(replacements: impl IntoIterator<Item = Replacement>) -> Command {
    Command::Roll { replacements: replacements.into_iter().collect(), now: now() }
}

fn rolled(generation: u32, keys: impl IntoIterator<Item = Successor>) -> Event {
    Event::Rolled { generation, keys: keys.into_iter().collect() }
}

#[test]
fn a_roll_ends_every_key_and_makes_new_ones_of_the_same_names() {
    let after = given::<Keyring>([shared(1), enrolment(2, 5), enrolled(2, 101, [])])
        .when(roll([replacement(1, 11), replacement(2, 12)]))
        .then([rolled(2, [successor(1, 11), enrolment_successor(2, 12, 4)])]);
    for dead in [1, 2, 101] {
        assert_eq!(after.next_key(key(dead), now()), None, "{dead}");
    }
    assert_eq!(after.next_key(key(11), now()), Some(NextKey::Same));
    assert_eq!(after.generation(), 2);
}

#[test]
fn the_same_roll_twice_rolls_once() {
    given::<Keyring>([shared(1), rolled(2, [successor(1, 11)])]).when(roll([replacement(1, 11)])).then_nothing();
}

#[test]
fn a_roll_that_does_not_know_every_key_is_refused() {
    let two = [shared(1), shared(2)];
    given::<Keyring>(two.clone()).when(roll([replacement(1, 11)])).refused(Refusal::KeysChanged);
    let wrong = [replacement(1, 11), replacement(3, 12)];
    given::<Keyring>(two).when(roll(wrong)).refused(Refusal::KeysChanged);
}

#[test]
fn an_empty_keyring_and_one_of_machines_alone_can_be_rolled() {
    given::<Keyring>([]).when(roll([])).then([rolled(2, [])]);
    let machines = [enrolment(1, 3), enrolled(1, 101, []), revoked(1)];
    let after = given::<Keyring>(machines).when(roll([])).then([rolled(2, [])]);
    assert_eq!(after.next_key(key(101), now()), None);
}

#[test]
fn keys_that_are_of_no_use_end_without_a_successor() {
    let used_up = [enrolment(1, 1), enrolled(1, 101, [])];
    given::<Keyring>(used_up).when(roll([])).then([rolled(2, [])]);
    let expired = Command::Roll { replacements: vec![], now: tomorrow() };
    given::<Keyring>([enrolment(1, 3)]).when(expired).then([rolled(2, [])]);
}

#[test]
fn a_roll_in_a_window_closes_it_and_ends_old_and_new_keys() {
    let after = given::<Keyring>([shared(1), opened(2, [successor(1, 11)])])
        .when(roll([replacement(11, 21)]))
        .then([closed(2, WindowEnd::Cut), rolled(3, [Successor { name: name(1), ..successor(11, 21) }])]);
    assert_eq!((after.next_key(key(1), now()), after.next_key(key(11), now())), (None, None));
    assert_eq!(after.window(), None);
}

#[test]
fn a_hundred_thousand_keys_end_by_one_event() {
    let machines = (0..ACCESS_KEYS_MAX - 1).map(|n| Event::MachineEnrolled {
        enrolment: key(1),
        key: key(1_000_000 + n),
        machine: format!("m{n}").parse().expect("a name"),
        secret_sha256: secret(n),
        replaces: vec![],
    });
    let full = [enrolment(1, ENROLS_MAX)].into_iter().chain(machines);
    let after =
        given::<Keyring>(full).when(roll([replacement(1, 11)])).then([rolled(2, [enrolment_successor(1, 11, 1)])]);
    assert_eq!(after.next_key(key(1_000_000), now()), None);
    assert_eq!(after.next_key(key(11), now()), Some(NextKey::ToEnrol));
}
