//! The only task that writes: takes the appends that are waiting, commits them together, answers each.

use std::fs::File;

use domain::recorded::{Position, Revision};
use sqlx::SqliteConnection;
use tokio::sync::watch;
use tracing::error;

use super::{by_id, insert, open, remembered};
use crate::event_store::writing::{
    batch::{Append, Batch, Ends, Plan, plan, refuse},
    queue::Queue,
    streams::Streams,
};

pub(super) struct Writer {
    connection: SqliteConnection,
    /// Held for as long as anything may be written.
    lock: File,
    queue: Queue,
    publish: watch::Sender<Position>,
    /// Unknown after a failure, because the failed commit may have happened.
    ends: Option<Ends>,
    streams: Streams,
}

impl Writer {
    pub(super) fn new(
        connection: SqliteConnection,
        lock: File,
        ends: Ends,
        publish: watch::Sender<Position>,
        queue: Queue,
    ) -> Self {
        Self { connection, lock, queue, publish, ends: Some(ends), streams: Streams::default() }
    }

    /// Works until the store is closed or dropped.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.queue.gather().await {
            self.settle(batch).await;
        }
        if let Err(error) = open::close(self.connection).await {
            error!(%error, "cannot close the event log cleanly; the next start recovers it");
        }
        drop(self.lock);
        self.queue.has_ended();
    }

    /// Commits what the rules allow and answers every append, now or after the next batch.
    async fn settle(&mut self, batch: Batch) {
        let Batch { appends, is_whole, .. } = batch;
        let ends = match self.learn(&appends).await {
            Ok(ends) => ends,
            Err(error) => return refuse(appends, false, error),
        };
        let mut plan = plan(appends, ends, &self.streams);
        if is_whole && !plan.is_all_accepted() {
            return plan.refuse_whole();
        }
        std::mem::take(&mut plan.later).into_iter().for_each(|append| self.queue.carry(append));
        self.settle_outdated(std::mem::take(&mut plan.outdated)).await;
        if plan.accepted.is_empty() {
            return;
        }
        match insert::commit(&mut self.connection, &plan).await {
            Ok(()) => self.acknowledge(plan),
            Err(error) => self.settle_failed(plan, is_whole, error).await,
        }
    }

    /// Makes sure that the ends of the log and the state of every stream of the batch are known.
    async fn learn(&mut self, batch: &[Append]) -> Result<Ends, sqlx::Error> {
        let ends = match self.ends {
            Some(ends) => ends,
            None => {
                let ends = open::ends(&mut self.connection).await?;
                self.ends = Some(ends);
                self.publish.send_replace(Position(ends.position));
                ends
            }
        };
        remembered::learn(&mut self.streams, &mut self.connection, batch.iter().map(|append| &append.stream)).await?;
        Ok(ends)
    }

    fn acknowledge(&mut self, plan: Plan) {
        self.ends = Some(plan.ends);
        // Published before anyone is answered, so that every caller can read what it has just written.
        self.publish.send_replace(Position(plan.ends.position));
        for (append, place) in plan.accepted {
            self.streams.remember(append.stream.clone(), place.state());
            append.reply(Ok(place.appended()));
        }
    }

    async fn settle_outdated(&mut self, outdated: Vec<(Append, Revision)>) {
        match by_id::load(&mut self.connection, outdated.iter().map(|(append, _)| append)).await {
            Ok(known) => known.settle_outdated(outdated),
            Err(error) => refuse(outdated.into_iter().map(|(append, _)| append).collect(), true, error),
        }
    }

    /// Nothing of the batch is recorded: answers those that cannot be, and tries the others again.
    async fn settle_failed(&mut self, plan: Plan, is_whole: bool, error: sqlx::Error) {
        // SQLite may have rolled back already and then refuses; what counts is that no transaction stays open.
        let _already = sqlx::query("rollback").execute(&mut self.connection).await;
        self.ends = None;
        self.streams.forget_all();
        let appends = plan.into_appends();
        let is_id_taken = error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
        if is_whole || !is_id_taken {
            return refuse(appends, true, error);
        }
        match by_id::load(&mut self.connection, appends.iter()).await {
            Ok(known) if !known.is_empty() => {
                known.settle(appends).into_iter().for_each(|append| self.queue.carry(append));
            }
            // Not an id but a position or revision is taken: someone else writes to the file.
            Ok(_) => refuse(appends, false, error),
            Err(error) => refuse(appends, true, error),
        }
    }
}
