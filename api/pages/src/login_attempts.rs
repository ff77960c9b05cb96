//! How often a login may be tried, for each token id that it names.
//!
//! Not for each address: behind a proxy all clients have the same. And not for all logins together: a stranger, who knows no
//! token's id, could then keep the operator out.

use std::num::NonZeroU32;

use api_http::rate_limit::{RateLimits, WallClock};
use domain::ids::TokenId;
use event_log::execute::Clock;

/// How often a login with one token id may fail at once, and in each minute after that. The secret has 256 bits: this keeps the
/// server's log short.
pub(super) const FAILURES_MAX: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

/// Counts failed logins.
pub(super) struct LoginAttempts(RateLimits<TokenId, WallClock>);

impl LoginAttempts {
    pub(super) fn new(clock: Clock) -> Self {
        Self(RateLimits::new(FAILURES_MAX, FAILURES_MAX, WallClock(clock)))
    }

    /// Counts a login with this token id as failed, until it succeeds.
    ///
    /// # Errors
    /// Too many failed; after so many seconds another may be tried.
    pub(super) fn begin(&self, token: TokenId) -> Result<(), u32> {
        self.0.count(token)
    }

    /// The login did not fail, and those before it no longer count.
    pub(super) fn succeeded(&self, token: TokenId) {
        self.0.reset(&token);
    }
}
