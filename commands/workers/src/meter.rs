//! The metrics of each worker.

use chrono::Utc;

/// How many positions of the log a worker has still to read.
const LAG: &str = "pkgdeploy_worker_lag_events";
/// How many rows its state has.
const ITEMS: &str = "pkgdeploy_worker_items";
/// How many of them failed the last time.
const FAILING: &str = "pkgdeploy_worker_failing_items";
/// How many actions failed, and how often the log could not be read.
const FAILURES: &str = "pkgdeploy_worker_failures_total";
/// When it last read on in the log, or ended an action well.
const PROGRESS: &str = "pkgdeploy_worker_last_progress_timestamp_seconds";

/// The meter of one worker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter(pub(super) &'static str);

impl Meter {
    pub(super) fn shows(&self, lag: u64, items: usize, failing: usize) {
        metrics::gauge!(LAG, "worker" => self.0).set(lag as f64);
        metrics::gauge!(ITEMS, "worker" => self.0).set(items as f64);
        metrics::gauge!(FAILING, "worker" => self.0).set(failing as f64);
        // It is there from the start, so that its rise can be waited for.
        metrics::counter!(FAILURES, "worker" => self.0).increment(0);
    }

    pub(super) fn failed(&self) {
        metrics::counter!(FAILURES, "worker" => self.0).increment(1);
    }

    pub(super) fn progressed(&self) {
        metrics::gauge!(PROGRESS, "worker" => self.0).set(Utc::now().timestamp() as f64);
    }
}
