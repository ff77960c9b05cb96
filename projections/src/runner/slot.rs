//! One projector in the runner: its checkpoint, and what happens when an event does not fit.

use std::time::Duration;

use domain::{error_chain::ErrorChain, recorded::Position};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tokio::time::Instant;

use super::{Batch, Incoming, ProjectorHealth, RETRY_PAUSE, RunnerError};
use crate::{
    checkpoint::{Checkpoint, checkpoints},
    projector::{ProjectionError, Projector},
    read_models::signed,
};

pub(super) struct Slot {
    projector: Box<dyn Projector>,
    position: Position,
    stopped: Option<(Position, String)>,
    trouble: Option<Trouble>,
}

/// What could not be reached. It is tried again.
struct Trouble {
    why: String,
    retry_at: Instant,
}

impl Slot {
    pub(super) async fn open(
        rows: &mut SqliteConnection,
        mut projector: Box<dyn Projector>,
    ) -> Result<Self, RunnerError> {
        let stored = checkpoints(&mut *rows).await?;
        let position = match stored.get(projector.name()) {
            Some(Checkpoint { version, position }) if *version == projector.version() => *position,
            _ => {
                make_tables(rows, projector.as_ref()).await?;
                Position(0)
            }
        };
        projector.load(rows).await?;
        Ok(Self { projector, position, stopped: None, trouble: None })
    }

    /// It has not stopped, and is not waiting for something that could not be reached.
    pub(super) fn is_due(&self) -> bool {
        self.stopped.is_none() && self.trouble.as_ref().is_none_or(|trouble| trouble.retry_at <= Instant::now())
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    pub(super) fn health(&self) -> ProjectorHealth {
        let Self { projector, position, stopped, .. } = self;
        let (stopped_at, stopped) = stopped.clone().unzip();
        ProjectorHealth { name: projector.name(), position: *position, stopped, stopped_at }
    }

    /// What it waits for, if it does.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.as_ref().map(|trouble| format!("projector {}: {}", self.projector.name(), trouble.why))
    }

    /// Applies the new events of `batch` up to `end`, in a separate transaction: a failure here neither delays nor
    /// rolls back another projector.
    ///
    /// # Errors
    /// [`RunnerError::Fenced`] alone.
    pub(super) async fn advance(
        &mut self,
        rows: &mut SqliteConnection,
        batch: &Batch,
        end: Position,
        time_max: Duration,
    ) -> Result<(), RunnerError> {
        if batch.next.min(end) <= self.position {
            return Ok(());
        }
        match self.project(rows, batch, end, time_max).await {
            Ok(()) => self.trouble = None,
            Err(error @ RunnerError::Fenced { .. }) => return Err(error),
            Err(error) => {
                self.projector.abandoned();
                let (name, why) = (self.projector.name(), ErrorChain(&error).to_string());
                tracing::warn!(projector = name, "projector {name} waits: {why}");
                self.trouble = Some(Trouble { why, retry_at: Instant::now() + RETRY_PAUSE });
            }
        }
        Ok(())
    }

    /// When an event does not fit, everything before it is applied again and committed. The projector stops once that
    /// event is the first. When what was collected does not fit, one of the events does not: half of them are tried,
    /// and so on.
    async fn project(
        &mut self,
        rows: &mut SqliteConnection,
        batch: &Batch,
        end: Position,
        time_max: Duration,
    ) -> Result<(), RunnerError> {
        let is_new = |position: Position| position > self.position && position <= end;
        let wanted = |event: &&Incoming| is_new(event.position()) && event.is_for(self.projector.as_ref());
        let mut events: Vec<&Incoming> = batch.events.iter().filter(wanted).collect();
        let mut next = batch.next.min(end);
        loop {
            let mut transaction = rows.begin().await?;
            let (fitting, error) = match self.apply(&mut transaction, &events, time_max).await {
                Ok(applied) => match self.projector.finish(&mut transaction).await {
                    Ok(()) => {
                        if applied < events.len() {
                            next = events[applied - 1].position();
                        }
                        self.checkpoint(&mut transaction, next).await?;
                        transaction.commit().await?;
                        self.projector.committed();
                        self.position = next;
                        return Ok(());
                    }
                    Err(error) => (applied / 2, error),
                },
                Err(refused) => refused,
            };
            if error.is_transient() || events.is_empty() {
                return Err(error.into());
            }
            transaction.rollback().await?;
            self.projector.abandoned();
            if fitting == 0 {
                self.stop(events[0], &error);
                return Ok(());
            }
            events.truncate(fitting);
            next = events[fitting - 1].position();
        }
    }

    /// The first event that is new to it does not fit.
    fn stop(&mut self, event: &Incoming, error: &ProjectionError) {
        let (position, name) = (event.position(), &event.stored.event.name);
        let why = format!("event {name} at position {position}: {}", ErrorChain(error));
        tracing::error!(projector = self.projector.name(), "projector stopped at {why}");
        self.stopped = Some((position, why));
    }

    /// Returns how many it applied: at least one if there is one, and no more once `time_max` is over.
    async fn apply(
        &mut self,
        rows: &mut SqliteConnection,
        events: &[&Incoming],
        time_max: Duration,
    ) -> Result<usize, (usize, ProjectionError)> {
        let started = Instant::now();
        for (index, incoming) in events.iter().enumerate() {
            if index > 0 && started.elapsed() >= time_max {
                return Ok(index);
            }
            let applied = match &incoming.event {
                event if self.projector.wants_stored() => {
                    let event = event.as_ref().and_then(|event| event.as_ref().ok()).map(|recorded| &recorded.event);
                    self.projector.apply_stored(rows, &incoming.stored, event).await
                }
                Some(Ok(recorded)) => self.projector.apply(rows, recorded).await,
                Some(Err(malformed)) => Err(ProjectionError::Contradiction(malformed.clone())),
                None => Ok(()),
            };
            applied.map_err(|error| (index, error))?;
        }
        Ok(events.len())
    }

    /// Compare-and-set: a second writer finds that it lost.
    async fn checkpoint(&self, rows: &mut SqliteConnection, next: Position) -> Result<(), RunnerError> {
        let moved =
            sqlx::query("update projector_checkpoint set position = ? where name = ? and version = ? and position = ?")
                .bind(signed(next.0))
                .bind(self.projector.name())
                .bind(i64::from(self.projector.version()))
                .bind(signed(self.position.0))
                .execute(rows)
                .await?;
        match moved.rows_affected() {
            1 => Ok(()),
            _ => Err(RunnerError::Fenced { projector: self.projector.name(), expected: self.position }),
        }
    }
}

/// Forgets how far projectors had come that this program does not have, such as one by its name of before: a checkpoint stands for
/// rows that are kept up to date.
pub(super) async fn forget_others(rows: &mut SqliteConnection, slots: &[Slot]) -> Result<(), sqlx::Error> {
    for name in checkpoints(&mut *rows).await?.into_keys() {
        if slots.iter().all(|slot| slot.projector.name() != name) {
            sqlx::query("delete from projector_checkpoint where name = ?").bind(name).execute(&mut *rows).await?;
        }
    }
    Ok(())
}

/// Drops and creates the projector's tables, and sets its checkpoint to the start of the log.
async fn make_tables(rows: &mut SqliteConnection, projector: &dyn Projector) -> Result<(), sqlx::Error> {
    let mut transaction = rows.begin().await?;
    for table in projector.tables() {
        // The name is a constant of the program.
        sqlx::raw_sql(AssertSqlSafe(format!("drop table if exists {table}"))).execute(&mut *transaction).await?;
    }
    sqlx::raw_sql(projector.schema()).execute(&mut *transaction).await?;
    sqlx::query("insert or replace into projector_checkpoint (name, version, position) values (?, ?, 0)")
        .bind(projector.name())
        .bind(i64::from(projector.version()))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}
