use super::*;

fn open(until: DateTime<Utc>, replacements: impl IntoIterator<Item = Replacement>) -> Command {
    Command::OpenGrace { until, replacements: replacements.into_iter().collect(), now: now() }
}

fn renew(n: usize) -> Command {
    Command::RenewKey { old: key(n), secret_sha256: secret(n), now: now() }
}

/// An enrolment key and two machines, in a window.
fn machines() -> Vec<Event> {
    vec![enrolment(1, 5), enrolled(1, 101, []), enrolled(1, 102, []), opened(2, [enrolment_successor(1, 11, 3)])]
}

fn machines_and(more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    machines().into_iter().chain(more).collect()
}

fn progress(keyring: &Keyring) -> Option<(u32, u32)> {
    keyring.window().map(|window| (window.moved, window.machines))
}

#[test]
fn old_and_new_keys_work_until_the_window_ends() {
    let window = given::<Keyring>([shared(1)])
        .when(open(tomorrow(), [replacement(1, 11)]))
        .then([opened(2, [successor(1, 11)])]);
    assert_eq!(window.next_key(key(1), now()), Some(NextKey::Sealed(key(11))));
    assert_eq!(window.next_key(key(11), now()), Some(NextKey::Same));
    assert_eq!(window.next_key(key(1), tomorrow()), None, "even if its end is not recorded");
    assert_eq!(window.next_key(key(11), tomorrow()), Some(NextKey::Same));
}

#[test]
fn a_window_ends_in_the_future_and_not_too_far_in_it() {
    let longest = now() + GRACE_MAX;
    for bad in [now(), longest + TimeDelta::microseconds(1)] {
        given::<Keyring>([]).when(open(bad, [])).refused(Refusal::WindowOutOfRange);
    }
    let event = Event::GraceOpened { generation: 2, until: longest, successors: vec![] };
    given::<Keyring>([]).when(open(longest, [])).then([event]);
}

#[test]
fn there_is_one_window_at_a_time() {
    let window = [shared(1), opened(2, [successor(1, 11)])];
    given::<Keyring>(window.clone())
        .when(open(tomorrow(), [replacement(11, 21)]))
        .refused(Refusal::WindowOpen(tomorrow()));
    given::<Keyring>(window.clone()).when(open(tomorrow(), [replacement(1, 11)])).then_nothing();
    let until = tomorrow() + TimeDelta::days(1);
    let after = Command::OpenGrace { until, replacements: vec![replacement(11, 21)], now: tomorrow() };
    let successors = vec![Successor { name: name(1), ..successor(11, 21) }];
    given::<Keyring>(window)
        .when(after)
        .then([closed(2, WindowEnd::TimeOver), Event::GraceOpened { generation: 3, until, successors }]);
}

#[test]
fn a_machine_renews_its_key_once() {
    let renewal = given::<Keyring>(machines()).when(renew(101)).then([renewed(101)]);
    assert_eq!(renewal.next_key(key(101), now()), Some(NextKey::Sealed(key(101).renewed(2))));
    assert_eq!(renewal.next_key(key(101).renewed(2), now()), Some(NextKey::Same));
    assert_eq!(renewal.next_key(key(102), now()), Some(NextKey::ToRenew(key(102).renewed(2))));
    given::<Keyring>(machines_and([renewed(101)])).when(renew(101)).then_nothing();
}

#[test]
fn nothing_is_renewed_outside_a_window() {
    given::<Keyring>([enrolment(1, 5), enrolled(1, 101, [])]).when(renew(101)).refused(Refusal::NotRenewable);
    given::<Keyring>(machines()).when(renew(11)).refused(Refusal::NotRenewable);
    let late = Command::RenewKey { old: key(101), secret_sha256: secret(101), now: tomorrow() };
    given::<Keyring>(machines()).when(late).refused(Refusal::Unknown);
}

#[test]
fn a_machine_has_moved_when_it_first_uses_its_new_key() {
    let record = |key| Command::RecordMoved { key };
    given::<Keyring>(machines()).when(record(key(101))).then_nothing();
    let one = given::<Keyring>(machines_and([renewed(101)])).when(record(key(101).renewed(2))).then([moved(101)]);
    assert_eq!(progress(&one), Some((1, 2)));
    given::<Keyring>(machines_and([renewed(101), moved(101)])).when(record(key(101).renewed(2))).then_nothing();
}

#[test]
fn a_machine_that_enrols_again_has_moved_and_a_new_one_does_not_count() {
    let again = given::<Keyring>(machines()).when(enrol(11, 201)).then([enrolled(11, 201, [101])]);
    assert_eq!(progress(&again), Some((1, 2)));
    let new = given::<Keyring>(machines()).when(enrol(1, 103)).then([enrolled(1, 103, [])]);
    assert_eq!(progress(&new), Some((0, 2)));
}

#[test]
fn enrolling_with_an_old_key_uses_up_the_one_that_follows_it() {
    let used = machines_and([enrolled(1, 103, []), enrolled(11, 104, []), enrolled(1, 105, [])]);
    for enrolment in [1, 11] {
        given::<Keyring>(used.clone()).when(enrol(enrolment, 106)).refused(Refusal::UsedUp);
    }
}

#[test]
fn a_window_closes_when_every_machine_has_moved() {
    let everyone = machines_and([renewed(101), moved(101), renewed(102), moved(102)]);
    let one = machines_and([renewed(101), moved(101)]);
    given::<Keyring>(one.clone()).when(close(WindowEnd::EveryoneMoved)).then_nothing();
    let left =
        given::<Keyring>(everyone).when(close(WindowEnd::EveryoneMoved)).then([closed(2, WindowEnd::EveryoneMoved)]);
    assert_eq!(left.next_key(key(101), now()), None);
    assert_eq!(left.next_key(key(101).renewed(2), now()), Some(NextKey::Same));
    // The window does not wait for machines that are cut off.
    given::<Keyring>(one.into_iter().chain([revoked(102)]))
        .when(close(WindowEnd::EveryoneMoved))
        .then([closed(2, WindowEnd::EveryoneMoved)]);
}

#[test]
fn it_is_unknown_whether_the_holders_of_a_shared_key_have_moved() {
    let moved = [
        shared(3),
        enrolment(1, 5),
        enrolled(1, 101, []),
        opened(2, [enrolment_successor(1, 11, 4), successor(3, 13)]),
        renewed(101),
        moved(101),
    ];
    given::<Keyring>(moved.clone()).when(close(WindowEnd::EveryoneMoved)).then_nothing();
    given::<Keyring>(moved.into_iter().chain([revoked(3)]))
        .when(close(WindowEnd::EveryoneMoved))
        .then([closed(2, WindowEnd::EveryoneMoved)]);
}

#[test]
fn a_window_without_machines_closes_by_time() {
    let window = [shared(1), opened(2, [successor(1, 11)])];
    given::<Keyring>(window.clone()).when(close(WindowEnd::EveryoneMoved)).then_nothing();
    given::<Keyring>(window.clone()).when(close(WindowEnd::TimeOver)).then_nothing();
    let over = Command::CloseGrace { generation: 2, because: WindowEnd::TimeOver, now: tomorrow() };
    given::<Keyring>(window).when(over).then([closed(2, WindowEnd::TimeOver)]);
}

#[test]
fn a_window_can_be_cut_early() {
    let window = [shared(1), opened(2, [successor(1, 11)])];
    let cut = given::<Keyring>(window).when(close(WindowEnd::Cut)).then([closed(2, WindowEnd::Cut)]);
    assert_eq!(cut.next_key(key(1), now()), None);
    given::<Keyring>([shared(1)]).when(close(WindowEnd::Cut)).refused(Refusal::NoWindow);
}

#[test]
fn machines_that_did_not_renew_are_removed_with_the_window() {
    let after =
        given::<Keyring>(machines_and([renewed(101)])).when(close(WindowEnd::Cut)).then([closed(2, WindowEnd::Cut)]);
    assert_eq!(after.next_key(key(102), now()), None);
    assert_eq!(after.holders(), 2, "the enrolment key and the machine that renewed");
}

#[test]
fn sealed_keys_are_forgotten_after_the_window() {
    let window = machines_and([renewed(101)]);
    given::<Keyring>(window.clone()).when(Command::RecordSealedKeysDeleted { generation: 2 }).then_nothing();
    let closed = window.into_iter().chain([closed(2, WindowEnd::Cut)]).collect::<Vec<_>>();
    let state = crate::aggregate::fold::<Keyring>(closed.clone());
    assert_eq!(state.forgettable().collect::<Vec<_>>(), [(2, [key(11), key(101).renewed(2)].as_slice())]);
    let after = given::<Keyring>(closed)
        .when(Command::RecordSealedKeysDeleted { generation: 2 })
        .then([Event::SealedKeysDeleted { generation: 2 }]);
    assert_eq!(after.forgettable().count(), 0);
}
