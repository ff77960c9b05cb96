use super::*;

fn key(days_left: i64, warned_days: Option<u16>, standing: Standing) -> Key {
    Key {
        fingerprint: "AB".into(),
        epoch: 1,
        certificate: String::new(),
        secret: None,
        expires_at: Some(DateTime::UNIX_EPOCH + TimeDelta::days(days_left)),
        standing,
        is_destroyed: false,
        warned_days,
    }
}

#[test]
fn a_warning_is_due_once_it_is_reached_and_only_the_nearest_one() {
    for (days_left, warned, expected) in [
        (91, None, None),
        (90, None, Some(90)),
        (89, Some(90), None),
        (30, Some(90), Some(30)),
        (7, None, Some(7)),
        (6, Some(30), Some(7)),
        (-1, Some(7), None),
        (-1, None, Some(7)),
    ] {
        let due = due_warning(&key(days_left, warned, Standing::Current), DateTime::UNIX_EPOCH);
        assert_eq!(due, expected, "{days_left} days left, warned at {warned:?}");
    }
}

#[test]
fn nobody_is_warned_of_a_key_without_an_end_or_one_that_is_done_with() {
    let endless = Key { expires_at: None, ..key(0, None, Standing::Current) };
    assert_eq!(due_warning(&endless, DateTime::UNIX_EPOCH), None);
    for standing in [Standing::Retired, Standing::Compromised] {
        assert_eq!(due_warning(&key(1, None, standing), DateTime::UNIX_EPOCH), None);
    }
}
