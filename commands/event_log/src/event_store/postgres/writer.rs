//! This node's only task that writes: takes the appends that are waiting, commits them together, answers each.
//!
//! Nothing is remembered from one commit to the next, since other nodes write, too.

use std::time::Duration;

use domain::recorded::Position;
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;
use tracing::warn;

use super::{commit, listen::Head, open, open::PostgresUrl};
use crate::event_store::writing::{
    batch::{Append, Batch, Plan, plan, refuse},
    queue::Queue,
};

/// A commit that takes longer has lost its server. Longer than the server's own limits.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(45);
/// How often a batch is tried whose connection broke: a server that restarts ends the old connection when it is next
/// used, and the second try finds out what became of the first.
const TRIES_MAX: usize = 2;

pub(super) struct Writer {
    url: PostgresUrl,
    /// None after a failure: the next batch makes a new one.
    connection: Option<PgConnection>,
    head: Head,
    queue: Queue,
}

/// A batch that was not settled.
struct Failed {
    appends: Vec<Append>,
    /// It may be recorded all the same.
    is_ambiguous: bool,
    error: sqlx::Error,
}

impl Writer {
    pub(super) fn new(url: PostgresUrl, connection: PgConnection, head: Head, queue: Queue) -> Self {
        Self { url, connection: Some(connection), head, queue }
    }

    /// Works until the store is closed or dropped.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.queue.gather().await {
            self.settle(batch).await;
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            warn!(%error, "cannot close the connection to the event log's server");
        }
        self.queue.has_ended();
    }

    /// Answers every append, now or after the next batch.
    async fn settle(&mut self, batch: Batch) {
        let Batch { mut appends, is_whole, .. } = batch;
        let mut is_ambiguous = false;
        for tried in 1.. {
            let Err(failed) = self.try_to_settle(appends, is_whole).await else { return };
            // Later tries wait for the end of this one, since it holds the lock, and find what it recorded by its ids.
            is_ambiguous |= failed.is_ambiguous;
            let is_over = tried >= TRIES_MAX || (is_whole && is_ambiguous);
            if is_over || failed.error.as_database_error().is_some_and(|error| !is_passing(error)) {
                return refuse(failed.appends, is_ambiguous, failed.error);
            }
            appends = failed.appends;
        }
    }

    async fn try_to_settle(&mut self, appends: Vec<Append>, is_whole: bool) -> Result<(), Failed> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => match open::connect(&self.url).await {
                Ok(connection) => connection,
                Err(error) => return Err(Failed { appends, is_ambiguous: false, error }),
            },
        };
        let mut attempt = Attempt { appends, planned: None, is_committing: false };
        match timeout(COMMIT_TIMEOUT, attempt.run(&mut connection, is_whole)).await {
            Ok(Ok(Settled::Committed(plan))) => {
                self.connection = Some(connection);
                self.acknowledge(plan);
                Ok(())
            }
            Ok(Ok(Settled::Answered { again })) => {
                self.connection = Some(connection);
                again.into_iter().for_each(|append| self.queue.carry(append));
                Ok(())
            }
            Ok(Err(error)) => Err(attempt.failed(error)),
            Err(_elapsed) => Err(attempt.failed(sqlx::Error::PoolTimedOut)),
        }
    }

    fn acknowledge(&mut self, mut plan: Plan) {
        std::mem::take(&mut plan.later).into_iter().for_each(|append| self.queue.carry(append));
        // Published before anyone is answered, so that a caller's next wait is for something new.
        self.head.reached(Position(plan.ends.position));
        for (append, place) in plan.accepted {
            append.reply(Ok(place.appended()));
        }
    }
}

/// The server is stopping or starting: this is no fault of the batch. Classes of Appendix A of the manual:
/// connection exceptions, operator intervention, and a transaction that was in the way.
fn is_passing(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().is_some_and(|code| ["08", "57", "40", "55"].iter().any(|class| code.starts_with(class)))
}

enum Settled {
    /// What was accepted is recorded.
    Committed(Plan),
    /// Nothing was written; these go into another commit.
    Answered { again: Vec<Append> },
}

/// A batch on its way through one transaction. Owns the appends at every moment, so that a broken connection loses
/// none.
struct Attempt {
    appends: Vec<Append>,
    planned: Option<Plan>,
    is_committing: bool,
}

impl Attempt {
    async fn run(&mut self, connection: &mut PgConnection, is_whole: bool) -> Result<Settled, sqlx::Error> {
        let (ends, streams) = commit::begin(connection, &self.appends).await?;
        let planned = self.planned.insert(plan(std::mem::take(&mut self.appends), ends, &streams));
        if is_whole && !planned.is_all_accepted() {
            commit::rollback(connection).await?;
            if let Some(plan) = self.planned.take() {
                plan.refuse_whole();
            }
            return Ok(Settled::Answered { again: Vec::new() });
        }
        let known = commit::load(connection, planned.outdated.iter().map(|(append, _)| append)).await?;
        known.settle_outdated(std::mem::take(&mut planned.outdated));
        if planned.accepted.is_empty() {
            commit::rollback(connection).await?;
            let again = self.planned.take().map(Plan::into_appends).unwrap_or_default();
            return Ok(Settled::Answered { again });
        }
        match commit::insert(connection, planned, ends).await {
            Err(error) if is_taken(&error) && !is_whole => return self.settle_taken(connection, error).await,
            inserted => inserted?,
        }
        let ends = planned.ends;
        self.is_committing = true;
        commit::commit(connection, ends).await?;
        match self.planned.take() {
            Some(plan) => Ok(Settled::Committed(plan)),
            None => Ok(Settled::Answered { again: Vec::new() }),
        }
    }

    /// Some of the ids are in the log already: answers those, and tries the others again.
    async fn settle_taken(
        &mut self,
        connection: &mut PgConnection,
        error: sqlx::Error,
    ) -> Result<Settled, sqlx::Error> {
        commit::rollback(connection).await?;
        let Some(planned) = &self.planned else { return Err(error) };
        let known = commit::load(connection, planned.accepted.iter().map(|(append, _)| append)).await?;
        if known.is_empty() {
            // Not an id but a position or a revision is taken: another process writes without the lock.
            return Err(error);
        }
        let appends = self.planned.take().map(Plan::into_appends).unwrap_or_default();
        Ok(Settled::Answered { again: known.settle(appends) })
    }

    fn failed(self, error: sqlx::Error) -> Failed {
        let mut appends = self.appends;
        appends.extend(self.planned.into_iter().flat_map(Plan::into_appends));
        Failed { appends, is_ambiguous: self.is_committing, error }
    }
}

fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
