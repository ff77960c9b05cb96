//! How long the signing keys in use are still believed, for health checks and metrics.

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::{
    fingerprint::Fingerprint,
    signing_key::{EXPIRY_WARNINGS_DAYS, Key, Standing},
};
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
    pub fingerprint: Fingerprint,
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
