//! Follows the log and gives each event to every projector: one transaction a batch and projector, rows and checkpoint
//! together.

mod progress;
mod replay;
mod slot;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use domain::{
    error_chain::ErrorChain,
    event::{Codec, DecodeError, Event},
    recorded::{Position, RawEvent, Recorded},
};
use ports::log_reader::{Filter, LogReader, Page, ReadError};
use sqlx::SqliteConnection;
use tokio::sync::watch;

use self::slot::{Slot, forget_others};
pub use self::{
    progress::{Health, Progress, ProjectorHealth, WaitError},
    replay::{Replay, ReplayError},
};
use crate::projector::{ProjectionError, Projector};

/// Most events in one transaction: enough to replay fast, few enough to hold in memory.
pub const BATCH_EVENTS_MAX: u32 = 1_000;
/// After how long a projector commits what it has of a batch, so that those before it in line have their turn: a
/// revoked key does not wait for a thousand events of another projector.
pub(crate) const BATCH_TIME_MAX: Duration = Duration::from_millis(100);
/// How often the log is looked at without a hint.
pub const SAFETY_POLL: Duration = Duration::from_secs(1);
/// How long to wait after the log or the read models could not be reached.
pub const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Why the runner cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// Another process moved a checkpoint: two processes write the same read models.
    #[error(
        "another process writes to the same read models (tables built from the event log): the checkpoint of projector {projector} is no longer at position {expected}"
    )]
    Fenced {
        /// The projector's name.
        projector: &'static str,
        /// The position that was expected.
        expected: Position,
    },
    /// The log cannot be read. The runner tries again.
    #[error(transparent)]
    Log(#[from] ReadError),
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
    log: Arc<dyn LogReader>,
    rows: SqliteConnection,
    slots: Vec<Slot>,
    codec: Codec,
    batch_time_max: Duration,
    health: watch::Sender<Health>,
}

/// A page of the log, decoded.
struct Batch {
    after: Position,
    events: Vec<Incoming>,
    next: Position,
    head: Position,
}

impl Batch {
    async fn read(log: &dyn LogReader, codec: Codec, after: Position, limit: u32) -> Result<Self, ReadError> {
        Ok(Self::of(log.read_all(after, &Filter::all(), limit).await?, codec, after))
    }

    /// With the page behind it.
    fn extend(&mut self, Page { events, next, head }: Page, codec: Codec) {
        self.events.extend(events.into_iter().map(|stored| Incoming::of(stored, codec)));
        (self.next, self.head) = (next, head);
    }

    /// The page behind `after`.
    fn of(Page { events, next, head }: Page, codec: Codec, after: Position) -> Self {
        Self { after, events: events.into_iter().map(|stored| Incoming::of(stored, codec)).collect(), next, head }
    }
}

/// A stored event, decoded if it can be.
struct Incoming {
    stored: Recorded<RawEvent>,
    /// None if a newer version wrote it under an unknown name: no projector here can have declared interest in it.
    event: Option<Result<Recorded<Event>, String>>,
}

impl Incoming {
    fn of(stored: Recorded<RawEvent>, codec: Codec) -> Self {
        let event = match codec.decode(&stored.event) {
            Ok(event) => Some(Ok(stored.borrowed().map(|_| event))),
            Err(DecodeError::Unknown { .. }) => None,
            // Projectors that want the name stop: if it were skipped, a revocation of a newer shape would leave a key
            // valid.
            Err(error @ (DecodeError::Newer { .. } | DecodeError::Malformed { .. })) => {
                Some(Err(ErrorChain(&error).to_string()))
            }
        };
        Self { stored, event }
    }

    fn position(&self) -> Position {
        self.stored.position
    }

    fn is_for(&self, projector: &dyn Projector) -> bool {
        let kind = self.stored.event.name.split('.').next().unwrap_or_default();
        projector.wants_stored() || self.event.is_some() && projector.kinds().contains(&kind)
    }
}

impl Runner {
    /// Loads every projector from its rows. Tables of another version are dropped, to be filled from the log again.
    /// Events are given to `projectors` in their order: the first one's answers are the freshest.
    ///
    /// # Errors
    /// The read models cannot be read or written.
    pub async fn open(
        mut rows: SqliteConnection,
        log: Arc<dyn LogReader>,
        projectors: Vec<Box<dyn Projector>>,
    ) -> Result<(Self, Progress), RunnerError> {
        let mut slots = Vec::new();
        for projector in projectors {
            let slot = Slot::open(&mut rows, projector).await?;
            if slot.position() == Position(0) {
                let name = slot.health().name;
                tracing::info!(projector = name, "building projection {name}");
            }
            slots.push(slot);
        }
        forget_others(&mut rows, &slots).await?;
        let health = watch::Sender::new(Health { projectors: slots.iter().map(Slot::health).collect(), trouble: None });
        let progress = Progress::new(health.subscribe());
        let codec = Codec::default();
        Ok((Self { log, rows, slots, codec, batch_time_max: BATCH_TIME_MAX, health }, progress))
    }

    /// The same, reading stored events as `codec` does.
    #[cfg(test)]
    fn reading(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Follows the log. Ends only when going on would corrupt the read models.
    pub async fn run(mut self) -> RunnerError {
        let mut hint = self.log.hint();
        loop {
            hint.mark_unchanged();
            match self.step().await {
                Ok(true) => {}
                Ok(false) => wait(&mut hint).await,
                Err(error @ RunnerError::Fenced { .. }) => {
                    let trouble = ErrorChain(&error).to_string();
                    tracing::error!(error = %trouble, "projections stopped");
                    self.health.send_modify(|health| health.trouble = Some(trouble));
                    return error;
                }
                Err(error) => {
                    let trouble = ErrorChain(&error).to_string();
                    tracing::warn!(error = %trouble, "projections wait: {trouble}");
                    self.health.send_modify(|health| health.trouble = Some(trouble));
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    /// Reads a page of the log for each projector, from its position, and applies it. Returns whether there is more.
    async fn step(&mut self) -> Result<bool, RunnerError> {
        let mut batch: Option<Batch> = None;
        let mut more = false;
        for index in 0..self.slots.len() {
            let Self { log, rows, slots, codec, batch_time_max, .. } = self;
            let slot = &mut slots[index];
            if !slot.is_due() {
                continue;
            }
            // Most of the time all stand at the same place.
            let after = slot.position();
            let read = match batch.take() {
                Some(read) if read.after == after => read,
                _ => Batch::read(log.as_ref(), *codec, after, BATCH_EVENTS_MAX).await?,
            };
            slot.advance(rows, &read, Position(u64::MAX), *batch_time_max).await?;
            more |= slot.position() > after && slot.position() < read.head;
            batch = Some(read);
            self.publish();
        }
        self.publish();
        Ok(more)
    }

    fn publish(&self) {
        let projectors = self.slots.iter().map(Slot::health).collect();
        let health = Health { projectors, trouble: self.slots.iter().find_map(Slot::trouble) };
        self.health.send_if_modified(|current| {
            let is_new = *current != health;
            *current = health;
            is_new
        });
    }
}

/// Until there may be something new.
async fn wait(hint: &mut watch::Receiver<Position>) {
    let hinted = async {
        if hint.changed().await.is_err() {
            // The log is closing: the poll below will find out.
            std::future::pending::<()>().await;
        }
    };
    // A lost hint costs one poll.
    let _elapsed = tokio::time::timeout(SAFETY_POLL, hinted).await;
}
