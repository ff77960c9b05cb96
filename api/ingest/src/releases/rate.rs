//! How often one token may ask: a script that runs wild must not keep the code repositories and the log busy.

use std::num::NonZeroU32;

use api_http::rate_limit::RateLimits;
use governor::clock::DefaultClock;
use uuid::Uuid;

/// Requests a minute, in the long run: more than a team pushes tags, and what a wild script may cost.
pub const REQUESTS_PER_MINUTE_MAX: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// Requests at once, before the long run counts: all tags of a monorepo.
pub const REQUESTS_AT_ONCE_MAX: NonZeroU32 = NonZeroU32::new(30).expect("not zero");
/// Counts the requests of each caller: a token, or a project that CI jobs ask for. Cheap to clone.
#[derive(Clone)]
pub struct RequestRates(RateLimits<Uuid>);

impl RequestRates {
    /// No requests yet.
    #[must_use]
    pub fn new() -> Self {
        Self(RateLimits::new(REQUESTS_PER_MINUTE_MAX, REQUESTS_AT_ONCE_MAX, DefaultClock::default()))
    }

    /// Counts one request of `caller`.
    ///
    /// # Errors
    /// It is one too many; after so many seconds it would not be.
    pub fn count(&self, caller: Uuid) -> Result<(), u32> {
        self.0.count(caller)
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
