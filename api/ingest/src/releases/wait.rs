//! `?wait=<seconds>`: answer when the release has ended, or the time is over.

use std::time::Duration;

use api_http::{problem::Problem, run_command::CommandRunner};
use domain::{ids::ReleaseId, release::Release};
use projections::dashboard::DASHBOARD;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

/// Longest time a request may wait.
pub const WAIT_MAX: Duration = Duration::from_secs(3_600);
/// How often a waiting request looks at most: the log may be busy with other things.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

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

/// Waits for the end of releases.
#[derive(Clone)]
pub struct ReleaseEnds {
    /// Knows where they are, and when the dashboard shows it.
    pub commands: CommandRunner,
    /// The server is to stop: the client is answered at once.
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
        // A dashboard that is late shows an older step; the release itself is where it is.
        self.commands.shown(&[DASHBOARD], head).await;
        Ok(())
    }
}
