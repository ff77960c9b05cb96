//! What to do with a batch of appends that arrived together: decided in memory, one by one, in their order.

use std::collections::{HashMap, HashSet};

use domain::recorded::{Position, Revision, StreamId};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::streams::{StreamState, Streams};
use crate::event_store::{APPEND_EVENTS_MAX, AppendError, Appended, Expected, encoded::EncodedEvent};

/// Most appends in one commit.
pub(super) const BATCH_APPENDS_MAX: usize = 256;
/// Most events in one commit: one insert takes them all, and the largest append fits.
pub(super) const BATCH_EVENTS_MAX: usize = 1_024;
const _: () = assert!(APPEND_EVENTS_MAX <= BATCH_EVENTS_MAX);
/// Most bytes in one commit, so that one large append does not make many small ones wait for the disk.
pub(super) const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A caller and what it wants to be recorded.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) stream: StreamId,
    pub(super) expected: Expected,
    pub(super) events: Vec<EncodedEvent>,
    pub(super) size_bytes: usize,
    pub(super) answer: oneshot::Sender<Result<Appended, AppendError>>,
}

impl Append {
    /// A caller that has gone away does not mind.
    pub(super) fn reply(self, answer: Result<Appended, AppendError>) {
        let _gone = self.answer.send(answer);
    }
}

/// Appends that are committed together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) appends: Vec<Append>,
    events: usize,
    bytes: usize,
}

impl Batch {
    /// A commit always has room for its first append: no append is larger than a commit.
    pub(super) fn new(first: Append) -> Self {
        Self { events: first.events.len(), bytes: first.size_bytes, appends: vec![first] }
    }

    /// Takes the append, or gives it back because it belongs into the next commit.
    pub(super) fn push(&mut self, append: Append) -> Result<(), Append> {
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
pub(super) struct Ends {
    /// The newest event's position.
    pub(super) position: u64,
    /// The newest stream's number.
    pub(super) stream_number: u64,
}

/// Where an accepted append's events go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) stream_number: u64,
    pub(super) first_position: u64,
    pub(super) first_revision: u64,
    pub(super) events: u64,
}

impl Place {
    pub(super) fn appended(self) -> Appended {
        Appended {
            first: Position(self.first_position),
            last: Position(self.first_position + self.events - 1),
            revision: Revision(self.last_revision()),
        }
    }

    /// The stream after the append.
    pub(super) fn state(self) -> StreamState {
        StreamState { number: Some(self.stream_number), revision: self.last_revision() }
    }

    fn last_revision(self) -> u64 {
        self.first_revision + self.events - 1
    }
}

/// What becomes of each append.
#[derive(Debug)]
pub(super) struct Plan {
    /// To be written, in this order.
    pub(super) accepted: Vec<(Append, Place)>,
    /// Their revision is outdated (the stream is at the second value): a conflict, or a repetition of an append that was
    /// recorded.
    pub(super) outdated: Vec<(Append, Revision)>,
    /// They hold an id of an accepted one, so that their answer depends on its outcome.
    pub(super) later: Vec<Append>,
    /// The ends of the log when the accepted ones are written.
    pub(super) ends: Ends,
}

/// Decides on `batch` after a log with these `ends` and these `streams`, which know every stream of the batch.
pub(super) fn plan(batch: Vec<Append>, ends: Ends, streams: &Streams) -> Plan {
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
