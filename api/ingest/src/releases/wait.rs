//! `?wait=<seconds>`: responds when the release has ended, or after this time.

use std::time::Duration;

use api_http::{problem::Problem, run_command::CommandRunner};
use domain::{ids::ReleaseId, release::Release};
use projections::dashboard::DASHBOARD;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

/// The maximum wait.
pub const WAIT_MAX: Duration = Duration::from_secs(3_600);
/// The minimum interval between checks of a waiting request: the log may be busy with other events.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// The query `?wait=<seconds>`.
#[derive(Debug, Default, Deserialize)]
pub struct Wait {
    /// 0 to [`WAIT_MAX`]; not at all if left out.
    wait: Option<String>,
}

impl Wait {
    /// The requested wait.
    ///
    /// # Errors
    /// It is not a number, or too large.
    pub fn duration(&self) -> Result<Duration, Problem> {
        let Some(text) = &self.wait else { return Ok(Duration::ZERO) };
        let seconds = text.parse().map(Duration::from_secs).ok().filter(|wait| *wait <= WAIT_MAX);
        seconds.ok_or_else(|| {
            Problem::BadRequest(format!(
                "the parameter wait is not valid: expected whole seconds, 0 to {}",
                WAIT_MAX.as_secs()
            ))
        })
    }
}

/// Waits for the end of releases.
#[derive(Clone)]
pub struct ReleaseEnds {
    /// The state of releases, and the progress of the dashboard.
    pub commands: CommandRunner,
    /// Set when the server stops: waiting clients are answered at once.
    pub stopping: CancellationToken,
}

impl ReleaseEnds {
    /// Waits until the release is uploaded, failed or cancelled, at most `wait`, and then until the dashboard shows what it can.
    pub(super) async fn wait_for(&self, id: ReleaseId, wait: Duration) -> Result<(), Problem> {
        let deadline = Instant::now() + wait;
        let mut hint = self.commands.executor.store().hint();
        let ended = |release: &Release, _| matches!(release, Release::Uploaded | Release::Failed | Release::Cancelled);
        while Instant::now() < deadline {
            hint.mark_unchanged();
            if self.commands.executor.inspect::<Release, _>(id.0, ended).await? {
                break;
            }
            tokio::select! {
                () = self.stopping.cancelled() => break,
                changed = timeout_at(deadline, hint.changed()) => match changed {
                    Ok(Ok(())) => sleep_until(deadline.min(Instant::now() + LOOK_PAUSE)).await,
                    _ => break,
                },
            }
        }
        let head = self.commands.executor.store().head().await?;
        // A dashboard that is behind shows an older step, which is acceptable.
        self.commands.shown(&[DASHBOARD], head).await;
        Ok(())
    }
}
