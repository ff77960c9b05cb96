//! The only task that writes: takes the appends that are waiting, commits them together, answers each.

use std::{collections::VecDeque, fs::File, sync::Arc};

use domain::recorded::{Position, Revision};
use sqlx::SqliteConnection;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::error;

use super::{
    batch::{Append, Batch, Ends, Plan, plan},
    insert,
    known::Known,
    open,
    streams::Streams,
};
use crate::event_store::{AppendError, Expected};

/// What the store asks of the writer.
pub(super) enum Request {
    Append(Append),
    /// Finish what is waiting, close the file, and say so.
    Close(oneshot::Sender<()>),
}

pub(super) struct Writer {
    connection: SqliteConnection,
    /// Held for as long as anything may be written.
    lock: File,
    queue: mpsc::Receiver<Request>,
    /// Appends that were taken from the queue and go before it.
    carried: VecDeque<Append>,
    closers: Vec<oneshot::Sender<()>>,
    publish: watch::Sender<Position>,
    /// Unknown after a failure, because the failed commit may have happened.
    ends: Option<Ends>,
    streams: Streams,
    last_batch_appends: usize,
}

impl Writer {
    pub(super) fn new(
        connection: SqliteConnection,
        lock: File,
        ends: Ends,
        publish: watch::Sender<Position>,
        queue: mpsc::Receiver<Request>,
    ) -> Self {
        Self {
            connection,
            lock,
            queue,
            carried: VecDeque::new(),
            closers: Vec::new(),
            publish,
            ends: Some(ends),
            streams: Streams::default(),
            last_batch_appends: 0,
        }
    }

    /// Works until the store is closed or dropped.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.gather().await {
            self.last_batch_appends = batch.len();
            self.settle(batch).await;
        }
        if let Err(error) = open::close(self.connection).await {
            error!(%error, "cannot close the event log cleanly; the next start recovers it");
        }
        drop(self.lock);
        for closer in self.closers {
            let _gone = closer.send(());
        }
    }

    /// Everything that waits, up to what one commit may hold.
    async fn gather(&mut self) -> Option<Vec<Append>> {
        let mut batch = Batch::new(self.next().await?);
        let mut is_patient = true;
        loop {
            while let Some(append) = self.next_waiting() {
                if let Err(append) = batch.push(append) {
                    self.carried.push_front(append);
                    return Some(batch.appends);
                }
            }
            // The callers of the last commit have just been woken. One turn of the scheduler lets those that append again
            // do so, instead of making every other commit a small one.
            if !is_patient || batch.appends.len() >= self.last_batch_appends {
                return Some(batch.appends);
            }
            is_patient = false;
            tokio::task::yield_now().await;
        }
    }

    async fn next(&mut self) -> Option<Append> {
        if let Some(append) = self.carried.pop_front() {
            return Some(append);
        }
        loop {
            let request = self.queue.recv().await?;
            if let Some(append) = self.admit(request) {
                return Some(append);
            }
        }
    }

    fn next_waiting(&mut self) -> Option<Append> {
        if let Some(append) = self.carried.pop_front() {
            return Some(append);
        }
        loop {
            let request = self.queue.try_recv().ok()?;
            if let Some(append) = self.admit(request) {
                return Some(append);
            }
        }
    }

    fn admit(&mut self, request: Request) -> Option<Append> {
        match request {
            Request::Append(append) => Some(append),
            Request::Close(closer) => {
                self.queue.close();
                self.closers.push(closer);
                None
            }
        }
    }

    /// Commits what the rules allow and answers every append, now or after the next batch.
    async fn settle(&mut self, batch: Vec<Append>) {
        let ends = match self.learn(&batch).await {
            Ok(ends) => ends,
            Err(error) => return refuse(batch, false, error),
        };
        let mut plan = plan(batch, ends, &self.streams);
        self.carried.extend(std::mem::take(&mut plan.later));
        self.settle_outdated(std::mem::take(&mut plan.outdated)).await;
        if plan.accepted.is_empty() {
            return;
        }
        match insert::commit(&mut self.connection, &plan).await {
            Ok(()) => self.acknowledge(plan),
            Err(error) => self.settle_failed(plan, error).await,
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
        self.streams.learn(&mut self.connection, batch.iter().map(|append| &append.stream)).await?;
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

    /// Appends whose revision has passed: either they lost a race, or they were recorded before and ask again.
    async fn settle_outdated(&mut self, outdated: Vec<(Append, Revision)>) {
        let known = match Known::load(&mut self.connection, outdated.iter().map(|(append, _)| append)).await {
            Ok(known) => known,
            Err(error) => return refuse(outdated.into_iter().map(|(append, _)| append).collect(), true, error),
        };
        for (append, actual) in outdated {
            let answer = known.answer(&append).unwrap_or_else(|| Err(conflict(&append, actual)));
            append.reply(answer);
        }
    }

    /// Nothing of the batch is recorded: answers those that cannot be, and tries the others again.
    async fn settle_failed(&mut self, plan: Plan, error: sqlx::Error) {
        // SQLite may have rolled back already and then refuses; what counts is that no transaction stays open.
        let _already = sqlx::query("rollback").execute(&mut self.connection).await;
        self.ends = None;
        self.streams.forget_all();
        let appends: Vec<Append> = plan.accepted.into_iter().map(|(append, _)| append).collect();
        let is_id_taken = error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
        if !is_id_taken {
            return refuse(appends, true, error);
        }
        let known = match Known::load(&mut self.connection, appends.iter()).await {
            Ok(known) if !known.is_empty() => known,
            // Not an id but a position or revision is taken: someone else writes to the file.
            Ok(_) => return refuse(appends, false, error),
            Err(error) => return refuse(appends, true, error),
        };
        for append in appends {
            match known.answer(&append) {
                Some(answer) => append.reply(answer),
                None => self.carried.push_back(append),
            }
        }
    }
}

fn conflict(append: &Append, actual: Revision) -> AppendError {
    let expected = match append.expected {
        Expected::Revision(expected) => expected,
        Expected::Any => actual,
    };
    AppendError::Conflict { stream: append.stream.clone(), expected, actual }
}

fn refuse(appends: Vec<Append>, ambiguous: bool, error: sqlx::Error) {
    error!(
        error = &error as &dyn std::error::Error,
        "cannot write to the event log: refused {} appends",
        appends.len()
    );
    let error = Arc::new(error);
    for append in appends {
        append.reply(Err(AppendError::Unavailable { ambiguous, source: Box::new(Arc::clone(&error)) }));
    }
}
