//! Rate limits for each token: a runaway script must not overload the code repositories and the log.

#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use api_http::rate_limit::RateLimits;
use governor::clock::DefaultClock;
use uuid::Uuid;

/// Requests per minute in the long run: more than a team pushes tags.
pub(crate) const REQUESTS_PER_MINUTE_MAX: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// The maximum burst of requests: all tags of a monorepo.
pub const REQUESTS_AT_ONCE_MAX: NonZeroU32 = NonZeroU32::new(30).expect("not zero");
/// Counts the requests of each caller: a token, or a project for CI jobs. Cheap to clone.
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
    /// The limit is exceeded. The error is the number of seconds to wait.
    pub fn count(&self, caller: Uuid) -> Result<(), u32> {
        self.0.count(caller)
    }
}

impl Default for RequestRates {
    fn default() -> Self {
        Self::new()
    }
}
