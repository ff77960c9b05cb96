//! How long the signing keys in use are still believed, for health checks and metrics.

use chrono::{DateTime, Utc};
use domain::signing_key::{EXPIRY_WARNINGS_DAYS, Key, Standing};
use serde::Serialize;

use super::SigningSet;

/// From when on a health check warns of a key's end.
const WARNED_DAYS: i64 = EXPIRY_WARNINGS_DAYS[0] as i64;

/// A key that signs or is to sign.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct KeyHealth {
    /// Which key of the server it is, counted from 1.
    pub epoch: u32,
    /// Full fingerprint.
    pub fingerprint: String,
    /// When clients stop believing it.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whole days until then; negative once it is over.
    pub days_left: Option<i64>,
    /// What is to be done.
    pub warning: Option<&'static str>,
    /// Indexes need it, and clients believe it no more.
    #[serde(skip)]
    pub is_fatal: bool,
}

/// The keys in use, oldest first.
#[must_use]
pub fn of(keys: &SigningSet, now: DateTime<Utc>) -> Vec<KeyHealth> {
    let in_use = |key: &&Key| matches!(key.standing, Standing::Current | Standing::Overlapping | Standing::Next);
    keys.keys.iter().filter(in_use).map(|key| health(key, now)).collect()
}

fn health(key: &Key, now: DateTime<Utc>) -> KeyHealth {
    let left = key.expires_at.map(|end| end - now);
    let days_left = left.map(|left| left.num_seconds().div_euclid(24 * 60 * 60));
    let is_over = left.is_some_and(|left| left.num_seconds() <= 0);
    let warning = match days_left {
        _ if is_over => Some("clients refuse what this key signs: rotate to a new one now"),
        Some(days) if days < WARNED_DAYS => Some("this key comes to its end: rotate to a new one"),
        _ => None,
    };
    KeyHealth {
        epoch: key.epoch,
        fingerprint: key.fingerprint.clone(),
        expires_at: key.expires_at,
        days_left,
        warning,
        is_fatal: is_over && key.standing == Standing::Current,
    }
}

#[cfg(test)]
mod tests {
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
}
