//! Replaying a finished part of the log, as fast as possible: it is read and decoded once, and each projector
//! works at the same time as the others on its own rows.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{event::Codec, recorded::Position};
use ports::log_reader::{Filter, LogReader, Page, ReadError};
use sqlx::SqliteConnection;
use tokio::{sync::mpsc, task::JoinSet};

use super::{Batch, ProjectorHealth, RunnerError, slot::Slot};
use crate::projector::Projector;

/// How many transactions' events may wait for a projector that is slower than the others.
const BATCHES_AHEAD_MAX: usize = 2;
/// How many pages are read while one is decoded.
const PAGES_READ_AHEAD_MAX: usize = 1;
/// Most events in one page of the log.
const PAGE_EVENTS_MAX: u32 = 4_096;
/// Pages are joined until they hold this many events, for one transaction: in tables whose keys are like random
/// numbers, each transaction writes most pages of the file again.
const TRANSACTION_EVENTS: usize = 12_000;

/// Projectors that read a log at the same time, each with its own rows.
pub struct Replay {
    log: Arc<dyn LogReader>,
    lanes: Vec<Lane>,
}

/// One projector and its rows.
struct Lane {
    rows: SqliteConnection,
    slot: Slot,
}

/// Why a replay ended early. An event that does not fit ends only its projector: see [`ProjectorHealth::stopped`].
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The rows cannot be written.
    #[error(transparent)]
    Rows(#[from] RunnerError),
    /// Something that an event names could not be reached.
    #[error("{0}")]
    Trouble(String),
}

impl Replay {
    /// `projectors` with the rows that each fills, starting at their checkpoints.
    ///
    /// # Errors
    /// The rows cannot be read or written.
    pub async fn open(
        log: Arc<dyn LogReader>,
        projectors: Vec<(SqliteConnection, Box<dyn Projector>)>,
    ) -> Result<Self, ReplayError> {
        let mut lanes = Vec::with_capacity(projectors.len());
        for (mut rows, projector) in projectors {
            let slot = Slot::open(&mut rows, projector).await.map_err(ReplayError::Rows)?;
            lanes.push(Lane { rows, slot });
        }
        Ok(Self { log, lanes })
    }

    /// Moves each projector up to the position that `until` gives for its name, if it is not there yet, and returns the
    /// health of all. `seen` is called with the position up to which the log is read.
    ///
    /// # Errors
    /// See [`ReplayError`]. The replay then ends.
    pub async fn run(
        &mut self,
        until: impl Fn(&str) -> Position,
        seen: impl Fn(Position),
    ) -> Result<Vec<ProjectorHealth>, ReplayError> {
        let mut pages = Vec::new();
        let mut working = JoinSet::new();
        let (mut after, mut last) = (Position(u64::MAX), Position(0));
        for (place, lane) in std::mem::take(&mut self.lanes).into_iter().enumerate() {
            let end = until(lane.slot.health().name);
            let (send, receive) = mpsc::channel(BATCHES_AHEAD_MAX);
            if lane.wants_more(end) {
                (after, last) = (after.min(lane.slot.position()), last.max(end));
                pages.push(send);
            }
            working.spawn(async move { Ok::<_, ReplayError>((place, lane.work(receive, end).await?)) });
        }
        let reading = hand_out(Arc::clone(&self.log), after, last, pages, seen).await;
        let mut lanes = BTreeMap::new();
        while let Some(worked) = working.join_next().await {
            let (place, lane) = worked.map_err(|error| ReplayError::Trouble(error.to_string()))??;
            lanes.insert(place, lane);
        }
        self.lanes = lanes.into_values().collect();
        reading?;
        Ok(self.lanes.iter().map(|lane| lane.slot.health()).collect())
    }
}

/// Hands every page after `after` to all, until `last` is in one. The next page is read while one is decoded.
async fn hand_out(
    log: Arc<dyn LogReader>,
    after: Position,
    last: Position,
    mut lanes: Vec<mpsc::Sender<Arc<Batch>>>,
    seen: impl Fn(Position),
) -> Result<(), ReplayError> {
    let (send, mut pages) = mpsc::channel(PAGES_READ_AHEAD_MAX);
    let reading = tokio::spawn(read(log, after, last, send));
    let mut after = after;
    while !lanes.is_empty()
        && let Some(page) = pages.recv().await
    {
        let mut batch = Batch::of(page?, Codec::default(), after);
        while batch.events.len() < TRANSACTION_EVENTS
            && let Some(page) = pages.recv().await
        {
            batch.extend(page?, Codec::default());
        }
        let batch = Arc::new(batch);
        after = batch.next;
        let mut open = Vec::with_capacity(lanes.len());
        for lane in lanes {
            // A projector that stopped, or has all it needs, takes no more.
            if lane.send(Arc::clone(&batch)).await.is_ok() {
                open.push(lane);
            }
        }
        lanes = open;
        seen(after.min(last));
    }
    reading.abort();
    Ok(())
}

async fn read(
    log: Arc<dyn LogReader>,
    mut after: Position,
    last: Position,
    pages: mpsc::Sender<Result<Page, ReadError>>,
) {
    while after < last {
        let page = log.read_all(after, &Filter::all(), PAGE_EVENTS_MAX).await;
        let next = page.as_ref().map_or(after, |page| page.next);
        // The receiver has ended, or this was the last page.
        if pages.send(page).await.is_err() || next <= after {
            return;
        }
        after = next;
    }
}

impl Lane {
    fn wants_more(&self, end: Position) -> bool {
        self.slot.is_due() && self.slot.position() < end
    }

    /// Applies the received batches, up to `end`.
    async fn work(mut self, mut pages: mpsc::Receiver<Arc<Batch>>, end: Position) -> Result<Self, ReplayError> {
        while self.wants_more(end) {
            let Some(page) = pages.recv().await else { break };
            while self.wants_more(page.next.min(end)) {
                self.slot.advance(&mut self.rows, &page, end, Duration::MAX).await?;
                if let Some(trouble) = self.slot.trouble() {
                    return Err(ReplayError::Trouble(trouble));
                }
            }
        }
        Ok(self)
    }
}
