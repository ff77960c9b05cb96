//! Failed logins, counted by the token id that they name.
//!
//! Not by address: behind a proxy everybody has the same. And not all together: a stranger, who knows no token's id,
//! could then keep the operator out.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::TokenId;

/// How often a login with one token id may fail within [`WINDOW`]. The secret has 256 bits: this spares the log.
pub(super) const FAILURES_MAX: u32 = 10;
/// How long failures are remembered.
pub(super) const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// Most token ids whose failures are remembered; past it, all are forgotten.
const IDS_MAX: usize = 10_000;

/// Recent failures.
#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<TokenId, Failures>>);

struct Failures {
    since: DateTime<Utc>,
    count: u32,
}

impl Attempts {
    /// Whether a login with this token id may be tried now.
    pub(super) fn may_try(&self, token: TokenId, now: DateTime<Utc>) -> bool {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(&token).is_none_or(|failed| failed.is_over(now) || failed.count < FAILURES_MAX)
    }

    /// Counts one more failure.
    pub(super) fn failed(&self, token: TokenId, now: DateTime<Utc>) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= IDS_MAX {
            failures.retain(|_, failed| !failed.is_over(now));
        }
        if failures.len() >= IDS_MAX {
            failures.clear();
        }
        let failed = failures.entry(token).or_insert(Failures { since: now, count: 0 });
        if failed.is_over(now) {
            *failed = Failures { since: now, count: 0 };
        }
        failed.count = failed.count.saturating_add(1);
    }
}

impl Failures {
    fn is_over(&self, now: DateTime<Utc>) -> bool {
        now - self.since >= WINDOW
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn token(n: usize) -> TokenId {
        TokenId(Uuid::from_u128(u128::try_from(n).expect("small")))
    }

    #[test]
    fn after_too_many_failures_a_token_id_waits_for_the_window_to_end_and_others_do_not() {
        let (attempts, now) = (Attempts::default(), DateTime::UNIX_EPOCH);
        for _ in 0..FAILURES_MAX {
            assert!(attempts.may_try(token(1), now));
            attempts.failed(token(1), now);
        }
        assert!(!attempts.may_try(token(1), now));
        assert!(attempts.may_try(token(2), now));
        assert!(attempts.may_try(token(1), now + WINDOW));
    }

    #[test]
    fn no_number_of_token_ids_fills_the_memory() {
        let attempts = Attempts::default();
        for n in 0..=IDS_MAX {
            attempts.failed(token(n), DateTime::UNIX_EPOCH);
        }
        assert!(attempts.0.lock().expect("no panic").len() <= IDS_MAX);
    }
}
