//! Waits until the read models include everything that was recorded when the question was asked.

#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use domain::recorded::Position;
use projections::{
    audit_index::AUDIT_INDEX, checkpoint::checkpoints, credentials::CREDENTIALS, dashboard::DASHBOARD,
    transparency::TRANSPARENCY,
};
use tokio::time::{Instant, sleep};

use super::{AuditError, Auditor};

/// The projectors whose read models are used.
const READ: [&str; 4] = [DASHBOARD, CREDENTIALS, AUDIT_INDEX, TRANSPARENCY];
/// How long a question waits for the read models.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// If the read models do not change for this long, no server is updating them.
const STILL_MAX: Duration = Duration::from_secs(1);
/// How often the progress is checked. A projector needs some milliseconds for an event.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// The read models lack the newest events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// The answer includes all events up to this position.
    pub shown: Position,
    /// The position of the log's newest event when the question was asked.
    pub head: Position,
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shown, head } = self;
        write!(f, "the log ends at position {head}, but events after position {shown} may be missing here: ")?;
        f.write_str("start the server to update the read models")
    }
}

impl Auditor {
    /// Waits until answers include everything recorded now. If that takes too long, the newest events are missing and a warning is logged.
    ///
    /// # Errors
    /// The log or the read models cannot be read.
    pub async fn up_to_date(&self) -> Result<&Self, AuditError> {
        if let Some(behind) = self.caught_up().await? {
            tracing::warn!("an audit answer is incomplete: {behind}");
        }
        Ok(self)
    }

    /// Waits until answers include everything recorded now: at most ten seconds, or one if the read models do not change. Returns what
    /// may be missing otherwise.
    ///
    /// # Errors
    /// The log or the read models cannot be read.
    pub async fn caught_up(&self) -> Result<Option<Behind>, AuditError> {
        let head = self.log.head().await?;
        let asked = Instant::now();
        let mut moved = (Position(0), asked);
        loop {
            let shown = self.shown().await?;
            if shown >= head {
                return Ok(None);
            }
            if shown > moved.0 {
                moved = (shown, Instant::now());
            }
            if asked.elapsed() > WAIT_MAX || moved.1.elapsed() > STILL_MAX {
                return Ok(Some(Behind { shown, head }));
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    /// The position up to which answers are complete.
    async fn shown(&self) -> Result<Position, AuditError> {
        let all = checkpoints(&self.readers).await?;
        let positions = READ.map(|name| all.get(name).map_or(Position(0), |checkpoint| checkpoint.position));
        Ok(positions.into_iter().min().unwrap_or_default())
    }
}
