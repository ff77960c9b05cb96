//! Rate limits: how often each client may do something.

#[cfg(test)]
mod tests;

use std::{hash::Hash, num::NonZeroU32, sync::Arc, time::Duration};

use event_log::execute::Clock as WallTime;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use moka::sync::Cache;

/// How many clients are remembered. A forgotten client has its full burst again.
const CLIENTS_MAX: u64 = 10_000;
/// A client that was inactive for this long has its full burst again, so it can be forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(5);

/// A rate limit for each client, by its key. Cheap to clone.
#[derive(Clone)]
pub struct RateLimits<K, C: Clock = DefaultClock> {
    clients: Cache<K, Arc<Limiter<C>>>,
    quota: Quota,
    clock: C,
}

type Limiter<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// The server's clock, which tests can move. If it is set back, nothing more is allowed until it has caught up.
#[derive(Clone, Copy)]
pub struct WallClock(pub WallTime);

impl Clock for WallClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        let milliseconds = (self.0)().timestamp_millis();
        Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default())
    }
}

impl<K, C> RateLimits<K, C>
where
    K: Hash + Eq + Send + Sync + 'static,
    C: Clock + Clone + Send + Sync + 'static,
{
    /// Allows a number of requests per minute in the long run, with bursts of up to `burst`.
    #[must_use]
    pub fn new(per_minute: NonZeroU32, burst: NonZeroU32, clock: C) -> Self {
        Self {
            clients: Cache::builder().max_capacity(CLIENTS_MAX).time_to_idle(FORGOTTEN_AFTER).build(),
            quota: Quota::per_minute(per_minute).allow_burst(burst),
            clock,
        }
    }

    /// Counts a request of `client`.
    ///
    /// # Errors
    /// The limit is exceeded. The error is the number of seconds to wait.
    pub fn count(&self, client: K) -> Result<(), u32> {
        let new = || Arc::new(RateLimiter::direct_with_clock(self.quota, self.clock.clone()));
        self.clients.get_with(client, new).check().map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1)
        })
    }

    /// Gives `client` its full burst again.
    pub fn reset(&self, client: &K) {
        self.clients.invalidate(client);
    }
}
