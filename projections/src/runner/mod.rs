//! Follows the log and gives each event to every projector: one transaction a batch, rows and checkpoints together.

mod progress;
mod slot;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use domain::{
    event::{DecodeError, Event, decode},
    recorded::{Position, RawEvent, Recorded},
};
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::watch;

pub use self::progress::{Health, Progress, ProjectorHealth, WaitError};
use self::slot::Slot;
use crate::{
    feed::{Feed, FeedError},
    projector::{ProjectionError, Projector},
};

/// Most events in one transaction: enough to replay fast, few enough to hold in memory.
pub const BATCH_EVENTS_MAX: u32 = 1_000;
/// How often the log is looked at without a hint.
pub const SAFETY_POLL: Duration = Duration::from_secs(1);
/// How long to wait after the log or the read models could not be reached.
pub const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Why the runner cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// Somebody else moved a checkpoint: two processes write the same read models.
    #[error("the checkpoint of projector {projector} is not at {expected}: another process writes these read models")]
    Fenced {
        /// Whose checkpoint.
        projector: &'static str,
        /// Where it was left.
        expected: Position,
    },
    /// The log cannot be read. The runner tries again.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The read models, or a blob, cannot be reached. The runner tries again.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

impl From<sqlx::Error> for RunnerError {
    fn from(error: sqlx::Error) -> Self {
        Self::Projection(error.into())
    }
}

/// Moves every projector along the log.
pub struct Runner {
    feed: Arc<dyn Feed>,
    rows: SqliteConnection,
    slots: Vec<Slot>,
    health: watch::Sender<Health>,
}

/// A stored event of a kind that somebody wants, decoded if it can be.
struct Incoming {
    position: Position,
    name: String,
    event: Result<Recorded<Event>, String>,
}

impl Incoming {
    /// What a newer version wrote under a name of its own is skipped: nobody here can have declared interest in it.
    fn of(raw: Recorded<RawEvent>) -> Option<Self> {
        let (position, name) = (raw.position, raw.event.name.clone());
        let event = match decode(&raw.event) {
            Ok(event) => Ok(raw.map(|_| event)),
            Err(DecodeError::Unknown { .. }) => return None,
            Err(error @ DecodeError::Malformed { .. }) => Err(describe(&error)),
        };
        Some(Self { position, name, event })
    }

    fn kind(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }
}

impl Runner {
    /// Loads every projector from its rows. Tables of another version are dropped, to be filled from the log again.
    ///
    /// # Errors
    /// The read models cannot be read or written.
    pub async fn open(
        mut rows: SqliteConnection,
        feed: Arc<dyn Feed>,
        projectors: Vec<Box<dyn Projector>>,
    ) -> Result<(Self, Progress), RunnerError> {
        let mut slots = Vec::new();
        for projector in projectors {
            slots.push(Slot::open(&mut rows, projector).await?);
        }
        let health = watch::Sender::new(Health { projectors: slots.iter().map(Slot::health).collect(), trouble: None });
        let progress = Progress::new(health.subscribe());
        Ok((Self { feed, rows, slots, health }, progress))
    }

    /// Follows the log. Ends only when going on would corrupt the read models.
    pub async fn run(mut self) -> RunnerError {
        let mut hint = self.feed.hint();
        loop {
            hint.mark_unchanged();
            match self.step().await {
                Ok(true) => {}
                Ok(false) => wait(&mut hint).await,
                Err(error @ RunnerError::Fenced { .. }) => {
                    tracing::error!(error = %describe(&error), "projections stopped");
                    return error;
                }
                Err(error) => {
                    let trouble = describe(&error);
                    tracing::warn!(error = %trouble, "projections wait: {trouble}");
                    self.slots.iter_mut().for_each(Slot::abandon);
                    self.health.send_modify(|health| health.trouble = Some(trouble));
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    /// One page of the log through every projector. Returns whether there is more.
    async fn step(&mut self) -> Result<bool, RunnerError> {
        let running = self.slots.iter().filter(|slot| slot.is_running());
        let Some(after) = running.map(Slot::position).min() else { return Ok(false) };
        let page = self.feed.read_all(after, BATCH_EVENTS_MAX).await?;
        if page.next > after {
            let events: Vec<Incoming> = page.events.into_iter().filter_map(Incoming::of).collect();
            let mut transaction = self.rows.begin().await?;
            for slot in self.slots.iter_mut().filter(|slot| slot.is_running()) {
                slot.project(&mut transaction, &events, page.next).await?;
            }
            transaction.commit().await?;
            self.slots.iter_mut().for_each(Slot::commit);
        }
        let projectors = self.slots.iter().map(Slot::health).collect();
        self.health.send_replace(Health { projectors, trouble: None });
        Ok(page.next < page.head)
    }
}

/// Until there may be something new.
async fn wait(hint: &mut watch::Receiver<Position>) {
    let hinted = async {
        if hint.changed().await.is_err() {
            // The log is closing. Ask it now and then, and be told.
            std::future::pending::<()>().await;
        }
    };
    // A lost hint costs one poll.
    let _elapsed = tokio::time::timeout(SAFETY_POLL, hinted).await;
}

/// An error with its causes, in one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
