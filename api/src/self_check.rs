//! The server checks itself now and then, as `pkgdeploy verify` would: the result is on `/metrics`.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::error_chain::ErrorChain;
use tracing::{error, info, warn};
use verify::{Silent, Sources, Span, verify};

/// How often a server checks itself by default.
pub(crate) const EVERY_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long after its start at the latest a server checks itself for the first time: one that is restarted each day would
/// never come to it otherwise.
const FIRST_AFTER_MAX: Duration = Duration::from_secs(10 * 60);

/// Checks itself for ever.
pub(crate) async fn run(sources: Sources, every: Duration, clock: fn() -> DateTime<Utc>) {
    let mut pause = every.min(FIRST_AFTER_MAX);
    loop {
        tokio::time::sleep(pause).await;
        pause = every;
        let started = Instant::now();
        match verify(&sources, Span::default(), &Silent).await {
            Ok(report) => {
                let findings = report.findings.len() as u64 + report.further_findings;
                metrics::gauge!("pkgdeploy_verify_findings").set(findings as f64);
                metrics::gauge!("pkgdeploy_verify_finished_timestamp_seconds").set(clock().timestamp() as f64);
                metrics::gauge!("pkgdeploy_verify_duration_seconds").set(started.elapsed().as_secs_f64());
                match report.findings.first() {
                    None => info!("verified {} events: everything is as it was recorded", report.events),
                    Some(first) => {
                        error!("the verification found {findings} faults, the first at {}: {}", first.place, first.what)
                    }
                }
            }
            Err(error) => warn!("cannot verify the event log now: {}", ErrorChain(&error)),
        }
    }
}
