//! The log itself: one order of everything, and each stream's part of it.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use uuid::Uuid;

/// So many appends, and the system records an event of its own.
const SYSTEM_EVENT_EVERY: u64 = 16;
/// What a record takes beside its event: positions are bytes in a file, so that there are gaps between them.
const RECORD_BYTES: u64 = 96;

/// An event that is to be recorded.
#[derive(Debug, Clone)]
pub(crate) struct Proposed {
    pub(crate) id: Uuid,
    pub(crate) event_type: String,
    pub(crate) content_type: String,
    pub(crate) custom_metadata: Bytes,
    pub(crate) data: Bytes,
}

impl Proposed {
    /// As the server counts it: its types are text of two bytes a letter.
    fn size_bytes(&self) -> usize {
        self.data.len() + self.custom_metadata.len() + 2 * self.event_type.len()
    }
}

/// An event in the log.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) position: u64,
    pub(crate) stream: Arc<str>,
    pub(crate) revision: u64,
    /// In steps of 100 ns since 1970.
    pub(crate) created_ticks: u128,
    pub(crate) event: Proposed,
}

/// What a stream must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Any,
    NoStream,
    StreamExists,
    Revision(u64),
}

/// Where an append's events are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    /// Of the last one.
    pub(crate) revision: u64,
    /// Of the last one.
    pub(crate) position: u64,
}

/// Why nothing was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    WrongExpectedVersion { current: Option<u64> },
    Deleted,
    TooLarge { most_bytes: usize },
}

#[derive(Default)]
struct Stream {
    /// Places in `Log::records`, by revision.
    records: Vec<usize>,
    /// Revisions before it were deleted.
    begins_at: u64,
    is_tombstoned: bool,
}

/// Everything that was recorded.
pub(crate) struct Log {
    records: Vec<Record>,
    streams: HashMap<Arc<str>, Stream>,
    next_position: u64,
    appends: u64,
    append_bytes_max: usize,
}

impl Log {
    /// A log as a server makes it: with events of the system.
    pub(crate) fn new(append_bytes_max: usize) -> Self {
        let mut log =
            Self { records: Vec::new(), streams: HashMap::new(), next_position: 0, appends: 0, append_bytes_max };
        log.push("$$$settings", system_event("$metadata"));
        log.push("$users", system_event("$UserCreated"));
        log
    }

    /// Records `events` at the end of `stream`, unless they are there already.
    pub(crate) fn append(&mut self, stream: &str, expected: Expected, events: &[Proposed]) -> Result<Written, Refusal> {
        if events.iter().map(Proposed::size_bytes).sum::<usize>() > self.append_bytes_max {
            return Err(Refusal::TooLarge { most_bytes: self.append_bytes_max });
        }
        if let Some(written) = self.recorded_before(stream, expected, events)? {
            return Ok(written);
        }
        for event in events {
            self.push(stream, event.clone());
        }
        let written = self.last_of(stream);
        self.appends += 1;
        if self.appends.is_multiple_of(SYSTEM_EVENT_EVERY) {
            self.push_system_events(1);
        }
        Ok(written)
    }

    pub(crate) fn push_system_events(&mut self, count: usize) {
        for _ in 0..count {
            self.push("$stats-127.0.0.1:2113", system_event("$statsCollected"));
        }
    }

    /// Where the events are if they are a repetition; nothing if they are new and may be recorded.
    fn recorded_before(
        &self,
        stream: &str,
        expected: Expected,
        events: &[Proposed],
    ) -> Result<Option<Written>, Refusal> {
        let known = self.streams.get(stream);
        let (length, is_gone) = known
            .map_or((0, true), |stream| (stream.records.len() as u64, stream.begins_at >= stream.records.len() as u64));
        if known.is_some_and(|stream| stream.is_tombstoned) {
            return Err(Refusal::Deleted);
        }
        let wrong = Err(Refusal::WrongExpectedVersion { current: length.checked_sub(1) });
        let begin = match expected {
            Expected::StreamExists if is_gone => return wrong,
            Expected::Any | Expected::StreamExists => {
                match events.first().and_then(|first| self.find(stream, first.id)) {
                    Some(revision) => revision,
                    None => return Ok(None),
                }
            }
            Expected::NoStream => 0,
            // Nothing is after the last revision that there can be.
            Expected::Revision(revision) => revision.saturating_add(1),
        };
        if begin == length {
            return Ok(None);
        }
        let mut last = None;
        for (revision, event) in (begin..).zip(events) {
            last = self.at(stream, revision).filter(|record| record.event.id == event.id);
            if last.is_none() {
                let may_begin_anew = expected == Expected::NoStream && is_gone && revision == begin;
                return if may_begin_anew { Ok(None) } else { wrong };
            }
        }
        last.map(|record| Some(Written { revision: record.revision, position: record.position })).map_or(wrong, Ok)
    }

    /// Makes the stream look empty. Its events stay in `$all`, and later ones go on counting.
    pub(crate) fn delete(&mut self, stream: &str, expected: Expected) -> Result<u64, Refusal> {
        self.may_delete(stream, expected)?;
        let position = self.push(&format!("$${stream}"), system_event("$metadata"));
        let known = self.streams.entry(stream.into()).or_default();
        known.begins_at = known.records.len() as u64;
        Ok(position)
    }

    /// Ends the stream for ever.
    pub(crate) fn tombstone(&mut self, stream: &str, expected: Expected) -> Result<u64, Refusal> {
        self.may_delete(stream, expected)?;
        let position = self.push(stream, system_event("$streamDeleted"));
        self.streams.entry(stream.into()).or_default().is_tombstoned = true;
        Ok(position)
    }

    fn may_delete(&self, stream: &str, expected: Expected) -> Result<(), Refusal> {
        let known = self.streams.get(stream);
        if known.is_some_and(|stream| stream.is_tombstoned) {
            return Err(Refusal::Deleted);
        }
        let current = known.and_then(|stream| (stream.records.len() as u64).checked_sub(1));
        let is_so = match expected {
            Expected::Any => true,
            Expected::NoStream => current.is_none(),
            Expected::StreamExists => current.is_some(),
            Expected::Revision(revision) => current == Some(revision),
        };
        if is_so { Ok(()) } else { Err(Refusal::WrongExpectedVersion { current }) }
    }

    /// The stream's events that are not deleted, or nothing if there is no such stream.
    pub(crate) fn stream(&self, stream: &str) -> Result<Option<StreamRecords<'_>>, Refusal> {
        match self.streams.get(stream) {
            Some(known) if known.is_tombstoned => Err(Refusal::Deleted),
            Some(known) if known.begins_at < known.records.len() as u64 => {
                Ok(Some(StreamRecords { log: self, stream: known }))
            }
            _ => Ok(None),
        }
    }

    /// Everything, in its order.
    pub(crate) fn all(&self) -> &[Record] {
        &self.records
    }

    fn at(&self, stream: &str, revision: u64) -> Option<&Record> {
        let place = self.streams.get(stream)?.records.get(usize::try_from(revision).ok()?)?;
        Some(&self.records[*place])
    }

    /// The real server remembers the newest ids only; a double that remembers all is more forgiving, but only with `Any`.
    fn find(&self, stream: &str, id: Uuid) -> Option<u64> {
        let places = &self.streams.get(stream)?.records;
        let found = places.iter().rposition(|place| self.records[*place].event.id == id)?;
        Some(found as u64)
    }

    fn last_of(&self, stream: &str) -> Written {
        let place = self.streams[stream].records.last().expect("something was just recorded");
        let Record { revision, position, .. } = self.records[*place];
        Written { revision, position }
    }

    fn push(&mut self, stream: &str, event: Proposed) -> u64 {
        let position = self.next_position;
        self.next_position += RECORD_BYTES + event.size_bytes() as u64;
        let name: Arc<str> = stream.into();
        let known = self.streams.entry(Arc::clone(&name)).or_default();
        let revision = known.records.len() as u64;
        known.records.push(self.records.len());
        self.records.push(Record { position, stream: name, revision, created_ticks: now_ticks(), event });
        position
    }
}

/// The events of a stream that are not deleted.
pub(crate) struct StreamRecords<'l> {
    log: &'l Log,
    stream: &'l Stream,
}

impl<'l> StreamRecords<'l> {
    pub(crate) fn from(self, revision: u64) -> impl Iterator<Item = &'l Record> {
        self.between(revision, u64::MAX)
    }

    pub(crate) fn until(self, revision: u64) -> impl DoubleEndedIterator<Item = &'l Record> {
        self.between(0, revision)
    }

    fn between(self, first: u64, last: u64) -> impl DoubleEndedIterator<Item = &'l Record> {
        let length = self.stream.records.len();
        let place = |revision: u64| usize::try_from(revision).map_or(length, |revision| revision.min(length));
        let end = place(last.saturating_add(1));
        let places = &self.stream.records[place(first.max(self.stream.begins_at)).min(end)..end];
        places.iter().map(|place| &self.log.records[*place])
    }
}

fn system_event(event_type: &str) -> Proposed {
    Proposed {
        id: Uuid::now_v7(),
        event_type: event_type.to_owned(),
        content_type: "application/json".to_owned(),
        custom_metadata: Bytes::new(),
        data: Bytes::from_static(b"{}"),
    }
}

fn now_ticks() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    since.as_nanos() / 100
}
