//! One projector in the runner: its checkpoint, and what happens when an event does not fit.

use domain::recorded::Position;
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::{Incoming, ProjectorHealth, RunnerError, describe};
use crate::{
    projector::{ProjectionError, Projector},
    read_models::{signed, unsigned},
};

pub(super) struct Slot {
    projector: Box<dyn Projector>,
    position: Position,
    stopped: Option<String>,
    /// What the open transaction will have done.
    pending: Option<Outcome>,
}

struct Outcome {
    position: Position,
    stopped: Option<String>,
}

impl Slot {
    pub(super) async fn open(
        rows: &mut SqliteConnection,
        mut projector: Box<dyn Projector>,
    ) -> Result<Self, RunnerError> {
        let stored = sqlx::query("select version, position from projector_checkpoint where name = ?")
            .bind(projector.name())
            .fetch_optional(&mut *rows)
            .await?;
        let version = i64::from(projector.version());
        let position = match stored {
            Some(row) if row.try_get::<i64, _>("version")? == version => Position(unsigned(row.try_get("position")?)),
            _ => {
                tracing::info!(projector = projector.name(), "building projection {}", projector.name());
                make_tables(rows, projector.as_ref()).await?;
                Position(0)
            }
        };
        projector.load(rows).await?;
        Ok(Self { projector, position, stopped: None, pending: None })
    }

    pub(super) fn is_running(&self) -> bool {
        self.stopped.is_none()
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    pub(super) fn health(&self) -> ProjectorHealth {
        let Self { projector, position, stopped, .. } = self;
        ProjectorHealth { name: projector.name(), position: *position, stopped: stopped.clone() }
    }

    /// Applies what is new to it among `events`, which reach up to `next`, in a savepoint of its own. When one does not
    /// fit, everything before it is applied again and kept, and the projector stops there.
    pub(super) async fn project(
        &mut self,
        rows: &mut SqliteConnection,
        events: &[Incoming],
        next: Position,
    ) -> Result<(), RunnerError> {
        let kinds = self.projector.kinds();
        let wanted = |event: &&Incoming| event.position > self.position && kinds.contains(&event.kind());
        let mut events: Vec<&Incoming> = events.iter().filter(wanted).collect();
        let mut outcome = Outcome { position: next, stopped: None };
        loop {
            let mut savepoint = rows.begin().await?;
            match self.apply(&mut savepoint, &events).await {
                Ok(()) => {
                    self.checkpoint(&mut savepoint, outcome.position).await?;
                    savepoint.commit().await?;
                    break;
                }
                Err((_, error)) if error.is_transient() => return Err(error.into()),
                Err((index, error)) => {
                    savepoint.rollback().await?;
                    self.projector.abandoned();
                    let Incoming { position, name, .. } = events[index];
                    let why = format!("event {name} at position {position}: {}", describe(&error));
                    tracing::error!(projector = self.projector.name(), "projector stopped at {why}");
                    events.truncate(index);
                    let position = events.last().map_or(self.position, |event| event.position);
                    outcome = Outcome { position, stopped: Some(why) };
                }
            }
        }
        self.pending = Some(outcome);
        Ok(())
    }

    async fn apply(
        &mut self,
        rows: &mut SqliteConnection,
        events: &[&Incoming],
    ) -> Result<(), (usize, ProjectionError)> {
        for (index, incoming) in events.iter().enumerate() {
            let applied = match &incoming.event {
                Ok(recorded) => self.projector.apply(rows, recorded).await,
                Err(malformed) => Err(ProjectionError::Contradiction(malformed.clone())),
            };
            applied.map_err(|error| (index, error))?;
        }
        Ok(())
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

    /// The transaction is committed.
    pub(super) fn commit(&mut self) {
        if let Some(Outcome { position, stopped }) = self.pending.take() {
            self.projector.committed();
            self.position = position;
            self.stopped = stopped;
        }
    }

    /// The transaction was rolled back.
    pub(super) fn abandon(&mut self) {
        self.pending = None;
        self.projector.abandoned();
    }
}

/// Drops the projector's tables and makes them anew, with its checkpoint at the start of the log.
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
