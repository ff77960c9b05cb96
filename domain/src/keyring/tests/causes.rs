use super::*;
use crate::ids::EventId;

/// What a keyring has been through; the first event is number 1.
fn after(events: impl IntoIterator<Item = Event>) -> Causes {
    let mut causes = Causes::default();
    for (number, event) in (1..).zip(events) {
        causes.take(number_id(number), &event);
    }
    causes
}

fn number_id(number: u128) -> EventId {
    EventId(uuid::Uuid::from_u128(number))
}

fn leads_to(events: impl IntoIterator<Item = Event>, next: &Event) -> Option<u128> {
    after(events).of(next).map(|id| id.0.as_u128())
}

fn moved(n: usize) -> Event {
    Event::MachineMoved { key: key(n).renewed(2) }
}

fn window(more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let opening =
        [enrolment(1, 5), enrolled(1, 101, []), enrolled(1, 102, []), opened(2, [enrolment_successor(1, 11, 3)])];
    opening.into_iter().chain(more).collect()
}

#[test]
fn a_machine_moves_because_it_was_handed_the_key_that_it_uses() {
    let renewals = window([renewed(101), renewed(102)]);
    assert_eq!(leads_to(renewals.clone(), &moved(101)), Some(5));
    assert_eq!(leads_to(renewals.clone(), &moved(102)), Some(6));
    assert_eq!(leads_to(renewals, &moved(103)), None);
    assert_eq!(leads_to(window([]), &renewed(101)), Some(4), "which it asks for because there is a window");
}

#[test]
fn a_window_whose_time_is_over_closes_because_it_was_opened() {
    let late = window([renewed(101), moved(101)]);
    assert_eq!(leads_to(late, &closed(2, WindowEnd::TimeOver)), Some(4));
}

#[test]
fn a_window_in_which_everyone_moved_closes_because_of_the_last_that_it_waited_for() {
    let everyone = closed(2, WindowEnd::EveryoneMoved);
    let last_moved = window([renewed(101), renewed(102), moved(102), moved(101)]);
    assert_eq!(leads_to(last_moved, &everyone), Some(8));
    let last_revoked = window([renewed(101), moved(101), revoked(102)]);
    assert_eq!(leads_to(last_revoked, &everyone), Some(7));
    let last_enrolled_again = window([renewed(101), moved(101), enrolled(11, 202, [102]), enrolled(11, 103, [])]);
    assert_eq!(leads_to(last_enrolled_again, &everyone), Some(7), "a new machine was not waited for");
}

#[test]
fn sealed_keys_are_deleted_because_their_window_closed() {
    let twice = [
        opened(2, [successor(1, 11)]),
        closed(2, WindowEnd::Cut),
        opened(3, [successor(11, 21)]),
        closed(3, WindowEnd::Cut),
    ];
    let deleted = |generation| Event::SealedKeysDeleted { generation };
    assert_eq!(leads_to(twice.clone(), &deleted(2)), Some(2));
    assert_eq!(leads_to(twice.clone(), &deleted(3)), Some(4));
    assert_eq!(leads_to(twice.into_iter().chain([deleted(2)]), &deleted(2)), None);
}

#[test]
fn nothing_is_remembered_of_a_closed_window() {
    let over = window([renewed(101), renewed(102), moved(101), closed(2, WindowEnd::TimeOver)]);
    let deleted = Event::SealedKeysDeleted { generation: 2 };
    assert_eq!(after(over.into_iter().chain([deleted])), Causes::default());
}
