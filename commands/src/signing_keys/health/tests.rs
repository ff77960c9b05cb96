use chrono::TimeDelta;

use super::*;

fn at(seconds_left: Option<i64>, standing: Standing) -> KeyHealth {
    let now = DateTime::UNIX_EPOCH;
    let key = Key {
        fingerprint: "AB".into(),
        epoch: 1,
        certificate: String::new(),
        secret: None,
        expires_at: seconds_left.map(|left| now + TimeDelta::seconds(left)),
        standing,
        is_destroyed: false,
        warned_days: None,
    };
    health(&key, now)
}

#[test]
fn a_key_is_warned_about_under_ninety_days_and_fatal_once_it_is_over() {
    let day = 24 * 60 * 60;
    for (left, days, warned, is_fatal) in [
        (None, None, false, false),
        (Some(90 * day), Some(90), false, false),
        (Some(90 * day - 1), Some(89), true, false),
        (Some(1), Some(0), true, false),
        (Some(0), Some(0), true, true),
        (Some(-1), Some(-1), true, true),
    ] {
        let health = at(left, Standing::Current);
        assert_eq!((health.days_left, health.warning.is_some(), health.is_fatal), (days, warned, is_fatal));
    }
    assert!(!at(Some(-1), Standing::Next).is_fatal, "nothing depends on it yet");
}
