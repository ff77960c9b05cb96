//! How long to wait after a failure.

#[cfg(test)]
mod tests;

use std::time::Duration;

/// The wait after a failure: doubled with each one that follows, up to a limit, give or take a quarter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), max: Duration::from_mins(1) }
    }
}

impl Backoff {
    /// The wait after so many failures in a row, without a random part.
    #[must_use]
    pub fn doubled(&self, failures: u32) -> Duration {
        let times = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(times).min(self.max)
    }

    /// The wait after so many failures in a row. `jitter` is a random number from 0 to 1: what failed together is not tried
    /// again together.
    #[must_use]
    pub fn wait(&self, failures: u32, jitter: f64) -> Duration {
        self.doubled(failures).mul_f64(0.75 + jitter / 2.0)
    }

    /// The same with a random number.
    pub(super) fn random(&self, failures: u32) -> Duration {
        self.wait(failures, rand::random())
    }
}
