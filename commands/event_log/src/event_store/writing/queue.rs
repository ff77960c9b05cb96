//! The queue from the callers to the one task that writes.

use std::collections::VecDeque;

use domain::recorded::StreamId;
use tokio::sync::{mpsc, oneshot};

use super::batch::{Append, Batch};
use crate::event_store::{AppendError, Appended, Expected, NewEvent, StreamAppend, encoded, encoded::EncodedAppend};

/// How many requests may wait for the writer; further callers wait for a place.
pub(in crate::event_store) const QUEUE_REQUESTS_MAX: usize = 512;

/// What a store asks of its writer.
enum Request {
    Append(Append),
    /// In one commit, in this order, or not at all.
    Together(Vec<Append>),
    /// Finish what is waiting, let go of the store, and say so.
    Close(oneshot::Sender<()>),
}

/// The callers' end.
#[derive(Clone)]
pub(in crate::event_store) struct Appender(mpsc::Sender<Request>);

/// The writer's end.
pub(in crate::event_store) struct Queue {
    requests: mpsc::Receiver<Request>,
    /// Appends that were taken from the queue and go before it.
    carried: VecDeque<Append>,
    /// Appends that were taken from the queue and share the next commit with no other.
    together: Option<Vec<Append>>,
    closers: Vec<oneshot::Sender<()>>,
    last_batch_appends: usize,
}

/// A queue from its two ends.
pub(in crate::event_store) fn queue() -> (Appender, Queue) {
    let (sender, requests) = mpsc::channel(QUEUE_REQUESTS_MAX);
    let queue =
        Queue { requests, carried: VecDeque::new(), together: None, closers: Vec::new(), last_batch_appends: 0 };
    (Appender(sender), queue)
}

impl Appender {
    /// Records `events` at the end of `stream`.
    pub(in crate::event_store) async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        let (events, size_bytes) = encoded::encode(events)?;
        let (answer, answered) = oneshot::channel();
        let append = Append { stream: stream.clone(), expected, events, size_bytes, answer };
        self.0.send(Request::Append(append)).await.map_err(|_| closed(false))?;
        answered.await.unwrap_or_else(|_| Err(closed(true)))
    }

    /// Records all of `appends` in their order, or none.
    pub(in crate::event_store) async fn append_in_order(&self, appends: Vec<StreamAppend>) -> Result<(), AppendError> {
        let appends = encoded::encode_all(appends)?;
        let mut answered = None;
        let appends = appends.into_iter().map(|encoded| {
            let EncodedAppend { stream, expected, events, size_bytes } = encoded;
            let (answer, its_answer) = oneshot::channel();
            // They share their fate, so that the first one's answer says it all.
            answered.get_or_insert(its_answer);
            Append { stream, expected, events, size_bytes, answer }
        });
        let appends = appends.collect();
        let Some(answered) = answered else { return Ok(()) };
        self.0.send(Request::Together(appends)).await.map_err(|_| closed(false))?;
        answered.await.unwrap_or_else(|_| Err(closed(true))).map(|_| ())
    }

    /// Returns when everything that was waiting is answered and the writer has ended.
    pub(in crate::event_store) async fn close(&self) {
        let (closed, done) = oneshot::channel();
        if self.0.send(Request::Close(closed)).await.is_ok() {
            // An error means that the writer has ended already, which is the goal.
            let _ended = done.await;
        }
    }
}

fn closed(ambiguous: bool) -> AppendError {
    AppendError::Unavailable { ambiguous, source: "the event log is closed".into() }
}

impl Queue {
    /// Everything that waits, up to what one commit may hold; nothing once the store is closed or dropped.
    pub(in crate::event_store) async fn gather(&mut self) -> Option<Batch> {
        let batch = self.fill().await?;
        self.last_batch_appends = batch.appends.len();
        Some(batch)
    }

    /// Puts the append before everything that waits.
    pub(in crate::event_store) fn carry(&mut self, append: Append) {
        self.carried.push_back(append);
    }

    /// Answers the callers that wait for the end.
    pub(in crate::event_store) fn has_ended(self) {
        for closer in self.closers {
            let _dropped = closer.send(());
        }
    }

    async fn fill(&mut self) -> Option<Batch> {
        let first = loop {
            if let Some(append) = self.next_carried() {
                break append;
            }
            if let Some(appends) = self.together.take() {
                return Some(Batch::together(appends));
            }
            let request = self.requests.recv().await?;
            self.admit(request);
        };
        let mut batch = Batch::new(first);
        let mut is_patient = true;
        loop {
            while let Some(append) = self.next_waiting() {
                if let Err(append) = batch.push(append) {
                    self.carried.push_front(append);
                    return Some(batch);
                }
            }
            // The callers of the last commit have just been woken. One turn of the scheduler lets those that append again
            // do so, instead of making every other commit a small one.
            if !is_patient || batch.appends.len() >= self.last_batch_appends {
                return Some(batch);
            }
            is_patient = false;
            tokio::task::yield_now().await;
        }
    }

    fn next_carried(&mut self) -> Option<Append> {
        self.carried.pop_front()
    }

    fn next_waiting(&mut self) -> Option<Append> {
        loop {
            if let Some(append) = self.next_carried() {
                return Some(append);
            }
            // An append that needs a separate commit ends this one, so that nothing overtakes it.
            if self.together.is_some() {
                return None;
            }
            let request = self.requests.try_recv().ok()?;
            self.admit(request);
        }
    }

    fn admit(&mut self, request: Request) {
        match request {
            Request::Append(append) => self.carried.push_back(append),
            Request::Together(appends) => self.together = Some(appends),
            Request::Close(closer) => {
                self.requests.close();
                self.closers.push(closer);
            }
        }
    }
}
