//! Limits failed logins for each token id.
//!
//! The limit is not per address, since all clients behind a proxy share one. It is not global either: an attacker who knows no token
//! id could then lock the operator out.

use std::num::NonZeroU32;

use api_http::rate_limit::{RateLimits, WallClock};
use domain::ids::TokenId;
use event_log::execute::Clock;

/// How many logins with one token id may fail in a burst, and then in each minute. The secret has 256 bits and cannot be guessed; the
/// limit keeps the server's log short.
pub(super) const FAILURES_MAX: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

/// Counts failed logins.
pub(super) struct LoginAttempts(RateLimits<TokenId, WallClock>);

impl LoginAttempts {
    pub(super) fn new(clock: Clock) -> Self {
        Self(RateLimits::new(FAILURES_MAX, FAILURES_MAX, WallClock(clock)))
    }

    /// Counts a login with this token id as failed until [`Self::succeeded`] is called.
    ///
    /// # Errors
    /// Too many logins failed. The error is the number of seconds to wait.
    pub(super) fn begin(&self, token: TokenId) -> Result<(), u32> {
        self.0.count(token)
    }

    /// Records a successful login, which resets the count.
    pub(super) fn succeeded(&self, token: TokenId) {
        self.0.reset(&token);
    }
}
