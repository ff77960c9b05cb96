//! How often one token may ask: a script that runs wild must not keep the code repositories and the log busy.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use moka::sync::Cache;
use uuid::Uuid;

/// Requests a minute, in the long run: more than a team pushes tags, and what a wild script may cost.
pub const REQUESTS_PER_MINUTE_MAX: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// Requests at once, before the long run counts: all tags of a monorepo.
pub const REQUESTS_AT_ONCE_MAX: NonZeroU32 = NonZeroU32::new(30).expect("not zero");
/// How many callers are remembered. Who is forgotten begins anew.
const CALLERS_KEPT_MAX: u64 = 10_000;
/// After so long a silence everything is allowed again, so nothing has to be remembered.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(5);

/// Counts the requests of each caller: a token, or a project that CI jobs ask for.
pub struct RequestRates(Cache<Uuid, Arc<DefaultDirectRateLimiter>>);

impl RequestRates {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Cache::builder().max_capacity(CALLERS_KEPT_MAX).time_to_idle(FORGOTTEN_AFTER).build())
    }

    /// Counts one request of `caller`.
    ///
    /// # Errors
    /// It is one too many; so many seconds later it would not be.
    pub fn count(&self, caller: Uuid) -> Result<(), u32> {
        let quota = || Quota::per_minute(REQUESTS_PER_MINUTE_MAX).allow_burst(REQUESTS_AT_ONCE_MAX);
        let rate = self.0.get_with(caller, || Arc::new(RateLimiter::direct(quota())));
        rate.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1)
        })
    }
}

impl Default for RequestRates {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_may_ask_so_often_at_once_and_then_waits_alone() {
        let (rates, one, other) = (RequestRates::new(), Uuid::from_u128(1), Uuid::from_u128(2));
        for _ in 0..REQUESTS_AT_ONCE_MAX.get() {
            assert_eq!(rates.count(one), Ok(()));
        }
        assert!(matches!(rates.count(one), Err(1..=60)));
        assert_eq!(rates.count(other), Ok(()));
    }
}
