use std::cell::Cell;

use chrono::{DateTime, TimeDelta};

use super::*;

const BURST: NonZeroU32 = NonZeroU32::new(3).expect("not zero");
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(6).expect("not zero");

thread_local! {
    static LATER: Cell<TimeDelta> = const { Cell::new(TimeDelta::zero()) };
}

fn limits() -> RateLimits<u32, WallClock> {
    let limits = RateLimits::new(PER_MINUTE, BURST, WallClock(|| DateTime::UNIX_EPOCH + LATER.get()));
    for _ in 0..BURST.get() {
        assert_eq!(limits.count(1), Ok(()));
    }
    limits
}

#[test]
fn after_its_burst_a_client_waits_and_others_do_not() {
    let limits = limits();
    assert_eq!(limits.count(1), Err(11));
    assert_eq!(limits.count(2), Ok(()));
    LATER.set(TimeDelta::seconds(10));
    assert_eq!(limits.count(1), Ok(()));
    assert!(limits.count(1).is_err());
}

#[test]
fn a_reset_gives_the_whole_burst_again() {
    let limits = limits();
    limits.reset(&1);
    for _ in 0..BURST.get() {
        assert_eq!(limits.count(1), Ok(()));
    }
}

#[test]
fn no_number_of_clients_fills_the_memory() {
    let limits = limits();
    for client in 0..u32::try_from(CLIENTS_MAX).expect("small") * 2 {
        let _counted = limits.count(client);
    }
    limits.clients.run_pending_tasks();
    assert!(limits.clients.entry_count() <= CLIENTS_MAX);
}
