//! What to do with a batch of appends that arrived together: decided in memory, one by one, in their order.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use domain::{
    ids::EventId,
    recorded::{Position, Revision, StreamId},
};
use tokio::sync::oneshot;
use tracing::error;
use uuid::Uuid;

use super::streams::{StreamState, Streams};
use crate::event_store::{APPEND_EVENTS_MAX, AppendError, Appended, BoxError, Expected, encoded::EncodedEvent};

/// Most appends in one commit.
pub(in crate::event_store) const BATCH_APPENDS_MAX: usize = 256;
/// Most events in one commit: one insert takes them all, and the largest append fits.
pub(in crate::event_store) const BATCH_EVENTS_MAX: usize = 1_024;
const _: () = assert!(APPEND_EVENTS_MAX <= BATCH_EVENTS_MAX);
/// Most bytes in one commit, so that one large append does not make many small ones wait for the disk.
pub(in crate::event_store) const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A caller and the events that it wants to append.
#[derive(Debug)]
pub(in crate::event_store) struct Append {
    pub(in crate::event_store) stream: StreamId,
    pub(in crate::event_store) expected: Expected,
    pub(in crate::event_store) events: Vec<EncodedEvent>,
    pub(in crate::event_store) size_bytes: usize,
    pub(in crate::event_store) answer: oneshot::Sender<Result<Appended, AppendError>>,
}

impl Append {
    /// Answers the caller; does nothing if the caller no longer waits.
    pub(in crate::event_store) fn reply(self, answer: Result<Appended, AppendError>) {
        let _dropped = self.answer.send(answer);
    }

    /// The error for an append that came second: the stream is at `actual`.
    pub(in crate::event_store) fn conflict(&self, actual: Revision) -> AppendError {
        let expected = match self.expected {
            Expected::Revision(expected) => expected,
            Expected::Any => actual,
        };
        AppendError::Conflict { stream: self.stream.clone(), expected, actual }
    }
}

/// Answers all of `appends` that the store could not be written to.
pub(in crate::event_store) fn refuse<E>(appends: Vec<Append>, ambiguous: bool, error: E)
where
    E: std::error::Error + Send + Sync + 'static,
{
    error!(error = &error as &dyn std::error::Error, "cannot write to the event log: {} writes failed", appends.len());
    let error = Arc::new(error);
    for append in appends {
        let source: BoxError = Box::new(Arc::clone(&error));
        append.reply(Err(AppendError::Unavailable { ambiguous, source }));
    }
}

/// Appends that are committed together.
#[derive(Debug)]
pub(in crate::event_store) struct Batch {
    pub(in crate::event_store) appends: Vec<Append>,
    /// If one of them cannot be recorded, all are refused.
    pub(in crate::event_store) is_whole: bool,
    events: usize,
    bytes: usize,
}

impl Batch {
    /// A commit always has room for its first append: no append is larger than a commit.
    pub(in crate::event_store) fn new(first: Append) -> Self {
        Self { events: first.events.len(), bytes: first.size_bytes, appends: vec![first], is_whole: false }
    }

    /// Appends that go together, and are small enough to.
    pub(in crate::event_store) fn together(appends: Vec<Append>) -> Self {
        let events = appends.iter().map(|append| append.events.len()).sum();
        let bytes = appends.iter().map(|append| append.size_bytes).sum();
        Self { appends, is_whole: true, events, bytes }
    }

    /// Takes the append, or gives it back because it belongs into the next commit.
    pub(in crate::event_store) fn push(&mut self, append: Append) -> Result<(), Append> {
        let fits = self.appends.len() < BATCH_APPENDS_MAX
            && self.events + append.events.len() <= BATCH_EVENTS_MAX
            && self.bytes + append.size_bytes <= BATCH_BYTES_MAX;
        if !fits {
            return Err(append);
        }
        self.events += append.events.len();
        self.bytes += append.size_bytes;
        self.appends.push(append);
        Ok(())
    }
}

/// The last numbers that are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::event_store) struct Ends {
    /// The newest event's position.
    pub(in crate::event_store) position: u64,
    /// The newest stream's number.
    pub(in crate::event_store) stream_number: u64,
}

/// Where an accepted append's events go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::event_store) struct Place {
    pub(in crate::event_store) stream_number: u64,
    pub(in crate::event_store) first_position: u64,
    pub(in crate::event_store) first_revision: u64,
    pub(in crate::event_store) events: u64,
}

impl Place {
    pub(in crate::event_store) fn appended(self) -> Appended {
        Appended {
            first: Position(self.first_position),
            last: Position(self.first_position + self.events - 1),
            revision: Revision(self.last_revision()),
        }
    }

    /// The stream after the append.
    pub(in crate::event_store) fn state(self) -> StreamState {
        StreamState { number: Some(self.stream_number), revision: self.last_revision() }
    }

    fn last_revision(self) -> u64 {
        self.first_revision + self.events - 1
    }
}

/// What becomes of each append.
#[derive(Debug)]
pub(in crate::event_store) struct Plan {
    /// To be written, in this order.
    pub(in crate::event_store) accepted: Vec<(Append, Place)>,
    /// Their revision is outdated (the stream is at the second value): a conflict, or a repetition of an append that
    /// was recorded.
    pub(in crate::event_store) outdated: Vec<(Append, Revision)>,
    /// They hold an id of an accepted one, so that their answer depends on its outcome.
    pub(in crate::event_store) later: Vec<Append>,
    /// The ends of the log when the accepted ones are written.
    pub(in crate::event_store) ends: Ends,
}

impl Plan {
    /// Nothing may be written, because all of it must be or none: says why to the one who waits for it.
    pub(in crate::event_store) fn refuse_whole(self) {
        let error = match (self.outdated.first(), self.later.first()) {
            (Some((append, actual)), _) => append.conflict(*actual),
            (None, Some(append)) => AppendError::IdReused { event_id: EventId(append.events[0].event_id) },
            (None, None) => return,
        };
        let waiting = self.into_appends().into_iter().find(|append| !append.answer.is_closed());
        if let Some(append) = waiting {
            append.reply(Err(error));
        }
    }

    /// Whether nothing is outdated and nothing comes later.
    pub(in crate::event_store) fn is_all_accepted(&self) -> bool {
        self.outdated.is_empty() && self.later.is_empty()
    }

    /// Everything that was planned, to plan it again.
    pub(in crate::event_store) fn into_appends(self) -> Vec<Append> {
        let Self { accepted, outdated, later, .. } = self;
        let accepted = accepted.into_iter().map(|(append, _)| append);
        accepted.chain(outdated.into_iter().map(|(append, _)| append)).chain(later).collect()
    }
}

/// Decides on `batch` after a log with these `ends` and these `streams`, which know every stream of the batch.
pub(in crate::event_store) fn plan(batch: Vec<Append>, ends: Ends, streams: &Streams) -> Plan {
    let mut plan = Plan { accepted: Vec::with_capacity(batch.len()), outdated: Vec::new(), later: Vec::new(), ends };
    let mut ids = HashSet::<Uuid>::new();
    let mut moved = HashMap::<StreamId, StreamState>::new();
    for append in batch {
        if append.events.iter().any(|event| ids.contains(&event.event_id)) {
            plan.later.push(append);
            continue;
        }
        let actual = moved.get(&append.stream).copied().unwrap_or_else(|| streams.get(&append.stream));
        if matches!(append.expected, Expected::Revision(expected) if expected.0 != actual.revision) {
            plan.outdated.push((append, Revision(actual.revision)));
            continue;
        }
        let place = plan.ends.place(actual, append.events.len() as u64);
        ids.extend(append.events.iter().map(|event| event.event_id));
        moved.insert(append.stream.clone(), place.state());
        plan.accepted.push((append, place));
    }
    plan
}

impl Ends {
    /// Makes room for so many events of a stream.
    fn place(&mut self, stream: StreamState, events: u64) -> Place {
        let stream_number = stream.number.unwrap_or_else(|| {
            self.stream_number += 1;
            self.stream_number
        });
        let first_position = self.position + 1;
        self.position += events;
        Place { stream_number, first_position, first_revision: stream.revision + 1, events }
    }
}
