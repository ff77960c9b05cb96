//! How long to wait after a failure.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait_up_to_the_limit() {
        let backoff = Backoff { first: Duration::from_secs(2), max: Duration::from_secs(60) };
        for (failures, seconds) in
            [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 60), (7, 60), (100, 60), (u32::MAX, 60)]
        {
            let seconds = Duration::from_secs(seconds);
            assert_eq!(backoff.wait(failures, 0.5), seconds, "after {failures} failures");
            assert_eq!(backoff.wait(failures, 0.0), seconds.mul_f64(0.75));
            assert_eq!(backoff.wait(failures, 1.0), seconds.mul_f64(1.25));
        }
    }
}
