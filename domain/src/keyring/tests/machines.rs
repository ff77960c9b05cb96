use super::*;

#[test]
fn a_machine_enrols_for_its_own_key() {
    given::<Keyring>([enrolment(1, 3)]).when(enrol(1, 101)).then([enrolled(1, 101, [])]);
    given::<Keyring>([enrolment(1, 3), enrolled(1, 101, [])]).when(enrol(1, 101)).then_nothing();
}

#[test]
fn only_a_living_enrolment_key_enrols() {
    given::<Keyring>([shared(1)]).when(enrol(1, 101)).refused(Refusal::NotEnrolling);
    given::<Keyring>([]).when(enrol(1, 101)).refused(Refusal::Unknown);
    given::<Keyring>([enrolment(1, 3), revoked(1)]).when(enrol(1, 101)).refused(Refusal::Unknown);
    let late = Command::EnrolMachine {
        enrolment: key(1),
        key: key(101),
        machine: machine(1),
        secret_sha256: secret(101),
        now: tomorrow(),
    };
    given::<Keyring>([enrolment(1, 3)]).when(late).refused(Refusal::Unknown);
}

#[test]
fn as_many_machines_enrol_as_the_key_lets_in_and_a_machine_counts_once() {
    let full = [enrolment(1, 2), enrolled(1, 101, []), enrolled(1, 102, [])];
    given::<Keyring>(full.clone()).when(enrol(1, 103)).refused(Refusal::UsedUp);
    given::<Keyring>(full).when(enrol(1, 201)).then([enrolled(1, 201, [101])]);
}

#[test]
fn a_name_is_the_machines_as_long_as_it_has_a_key() {
    let two = [enrolment(1, 3), enrolment(2, 3), enrolled(1, 101, [])];
    given::<Keyring>(two.clone()).when(enrol(2, 201)).refused(Refusal::MachineNameTaken(machine(1)));
    let its_enrolment_key_is_gone: Vec<Event> = two.into_iter().chain([revoked(1)]).collect();
    given::<Keyring>(its_enrolment_key_is_gone.clone())
        .when(enrol(2, 201))
        .refused(Refusal::MachineNameTaken(machine(1)));
    let cut_off = its_enrolment_key_is_gone.into_iter().chain([revoked(101)]);
    given::<Keyring>(cut_off).when(enrol(2, 201)).then([enrolled(2, 201, [])]);
}

#[test]
fn whoever_revokes_a_key_ends_the_one_that_it_follows_too() {
    let window = [enrolment(1, 3), enrolled(1, 101, []), opened(2, [enrolment_successor(1, 2, 2)])];
    let ended =
        given::<Keyring>(window.clone()).when(Command::RevokeAccessKey { key: key(2) }).then([revoked(1), revoked(2)]);
    assert_eq!(ended.next_key(key(1), now()), None, "and no machine enrols with it");
    given::<Keyring>(window).when(Command::RevokeAccessKey { key: key(1) }).then([revoked(1)]);
}

#[test]
fn a_machine_is_cut_off_alone() {
    let cut_off = given::<Keyring>([enrolment(1, 3), enrolled(1, 101, []), enrolled(1, 102, [])])
        .when(Command::RevokeAccessKey { key: key(101) })
        .then([revoked(101)]);
    assert_eq!(cut_off.next_key(key(101), now()), None);
    assert_eq!(cut_off.next_key(key(102), now()), Some(NextKey::Same));
    assert_eq!(cut_off.next_key(key(1), now()), Some(NextKey::ToEnrol));
}

#[test]
fn a_machine_that_is_cut_off_in_a_window_loses_both_keys() {
    let window =
        [enrolment(1, 3), enrolled(1, 101, []), opened(2, [enrolment_successor(1, 2, 2)]), renewed(101), moved(101)];
    let both = [revoked(101), Event::AccessKeyRevoked { key: key(101).renewed(2) }];
    for shown in [key(101), key(101).renewed(2)] {
        let cut = given::<Keyring>(window.clone()).when(Command::RevokeAccessKey { key: shown }).then(both.clone());
        assert_eq!(cut.window().map(|window| (window.moved, window.machines)), Some((0, 0)));
    }
}

#[test]
fn a_keyring_has_a_limit() {
    let machines = (0..ACCESS_KEYS_MAX - 1).map(|n| Event::MachineEnrolled {
        enrolment: key(1),
        key: key(1_000_000 + n),
        machine: format!("m{n}").parse().expect("a name"),
        secret_sha256: secret(n),
        replaces: vec![],
    });
    let full = || [enrolment(1, ENROLS_MAX)].into_iter().chain(machines.clone());
    given::<Keyring>(full()).when(enrol(1, 101)).refused(Refusal::TooMany);
    given::<Keyring>(full()).when(issue(2)).refused(Refusal::TooMany);
}
