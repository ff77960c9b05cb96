//! `?wait=<seconds>`: answer when the release has ended, or the time is over.

use std::time::Duration;

use domain::{ids::ReleaseId, release::Release};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::{app::App, http::problem::Problem};

/// Longest time a request may wait.
pub const WAIT_MAX: Duration = Duration::from_secs(3_600);
/// How long the pipeline gets to take a trigger up before the answer goes out without its release.
const RECEIVED_WITHIN: Duration = Duration::from_secs(5);

/// The query `?wait=<seconds>`.
#[derive(Debug, Default, Deserialize)]
pub struct Wait {
    /// 0 to [`WAIT_MAX`]; not at all if left out.
    wait: Option<String>,
}

impl Wait {
    /// How long the caller will wait.
    ///
    /// # Errors
    /// It is no number, or too large a one.
    pub fn duration(&self) -> Result<Duration, Problem> {
        let Some(text) = &self.wait else { return Ok(Duration::ZERO) };
        let seconds = text.parse().map(Duration::from_secs).ok().filter(|wait| *wait <= WAIT_MAX);
        seconds.ok_or_else(|| Problem::BadRequest(format!("wait: expected whole seconds, 0 to {}", WAIT_MAX.as_secs())))
    }
}

/// Waits until the board shows the release.
pub(super) async fn until_received(app: &App, release: ReleaseId) -> Result<(), Problem> {
    until(app, release, RECEIVED_WITHIN, |release| *release != Release::Unknown).await
}

/// Waits until the release is uploaded, failed or cancelled, and the board shows it.
pub(super) async fn until_ended(app: &App, release: ReleaseId, wait: Duration) -> Result<(), Problem> {
    if wait.is_zero() {
        return Ok(());
    }
    until(app, release, wait, |release| matches!(release, Release::Uploaded | Release::Failed | Release::Cancelled))
        .await
}

async fn until(app: &App, id: ReleaseId, wait: Duration, so: impl Fn(&Release) -> bool) -> Result<(), Problem> {
    let deadline = Instant::now() + wait;
    let mut hint = app.executor.store().hint();
    loop {
        hint.mark_unchanged();
        let failed = |error: commands::execute::LogError| Problem::internal("read the release")(error.into());
        let reached = app.executor.inspect::<Release, _>(id.0, |release, _| so(release)).await.map_err(failed)?;
        if reached || timeout_at(deadline, hint.changed()).await.is_err() {
            break;
        }
    }
    let head = app.executor.store().head().await;
    let head = head.map_err(|error| Problem::internal("read the log")(error.into()))?;
    let shown = app.progress.wait_for(head).await;
    shown.map_err(|error| Problem::internal("show the release")(error.into()))
}
