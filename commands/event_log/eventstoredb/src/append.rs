//! Appending: detects repetitions and conflicts, and sends the rest until there is an answer.
//!
//! Every append goes to the server with an exact revision, also where the caller does not care: only then does the
//! server itself recognise what it has recorded already, so that sending again after a lost answer is safe.

use std::time::Duration;

use domain::{
    ids::EventId,
    recorded::{Position, Revision, StreamId},
};
use event_log::event_store::{
    AppendError, Appended, BoxError, EncodedEvent, Expected, Limit, NewEvent, PAGE_EVENTS_MAX, ReadError, encode,
};

use super::{
    memory::Known,
    pages::{self, From},
    send::Sent,
    store::Inner,
};

/// How often an append is sent, after lost answers and lost races, before its caller gets the error.
const ATTEMPTS: usize = 8;
/// How long an append waits after the server contradicted itself.
const PAUSE: Duration = Duration::from_millis(5);

/// What is known of a recorded append.
struct Recorded {
    /// How many events of the stream are before it.
    after: u64,
    /// Where its last event is, if that is sure.
    last: Option<Position>,
}

impl Inner {
    /// Appends `events` at the end of `stream`.
    pub(super) async fn append(
        &self,
        stream: &StreamId,
        expected: Expected,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        let (events, _) = encode(events)?;
        let slot = self.memory.stream(stream);
        let mut known = slot.lock().await;
        let before = known.revision();
        let recorded = self.record(stream, expected, &events, &mut known).await;
        let has_grown = known.revision() > before;
        drop(known);
        if has_grown {
            self.memory.has_grown(stream, slot);
        }
        let appended = self.where_is(stream, recorded?, &events).await?;
        self.tail.advance(appended.last, Position(0));
        Ok(appended)
    }

    async fn record(
        &self,
        stream: &StreamId,
        expected: Expected,
        events: &[EncodedEvent],
        known: &mut Known,
    ) -> Result<Recorded, AppendError> {
        let mut doubt =
            Doubt { is_ambiguous: false, failure: "other nodes write to the event stream all the time".into() };
        for _ in 0..ATTEMPTS {
            if wants_more(expected, known) {
                self.read_on(stream, known).await.map_err(|error| doubt.unavailable(error.into()))?;
            }
            if let Some(after) = repeated(events, known)? {
                return Ok(Recorded { after, last: None });
            }
            if let Some(used) = events.iter().find(|event| self.memory.is_of_another(stream, event.event_id)) {
                return Err(AppendError::IdReused { event_id: EventId(used.event_id) });
            }
            let after = end(stream, expected, known)?;
            let newest = self.tail.end().head;
            match self.send(stream, after, events).await {
                Sent::Recorded(position) => {
                    known.learn((after + 1..).zip(events.iter().map(|event| event.event_id)));
                    self.memory.remember_owner(stream, events.iter().map(|event| event.event_id));
                    // The server also answers so to what it had recorded before. What is newer than all that was known
                    // is certainly at the reported position.
                    let last = position.filter(|position| !doubt.is_ambiguous && *position > newest);
                    return Ok(Recorded { after, last });
                }
                Sent::Conflict => {
                    self.read_on(stream, known).await.map_err(|error| doubt.unavailable(error.into()))?;
                    if known.revision() == after {
                        doubt.failure = "EventStoreDB contradicts itself about the end of the event stream".into();
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                Sent::TooLarge => return Err(AppendError::TooLarge { limit: Limit::Bytes }),
                Sent::Refused(failure) => return Err(doubt.unavailable(failure)),
                Sent::Lost(failure) => {
                    doubt = Doubt { is_ambiguous: true, failure };
                    self.read_on(stream, known).await.map_err(|error| doubt.unavailable(error.into()))?;
                }
            }
        }
        Err(AppendError::Unavailable { ambiguous: doubt.is_ambiguous, source: doubt.failure })
    }

    /// Reads what the stream holds after the known part.
    async fn read_on(&self, stream: &StreamId, known: &mut Known) -> Result<(), ReadError> {
        loop {
            let before = known.revision();
            let page =
                pages::read(&self.link, From::Stream(stream, before), PAGE_EVENTS_MAX as usize, self.limit).await?;
            self.memory.remember_owner(stream, page.events.iter().map(|event| event.id));
            known.learn(page.events.iter().map(|event| (event.revision.saturating_add(1), event.id)));
            if page.is_end || known.revision() == before {
                return Ok(());
            }
        }
    }

    /// The answer to an append. The server returns one position only: others are read from the stream.
    async fn where_is(
        &self,
        stream: &StreamId,
        recorded: Recorded,
        events: &[EncodedEvent],
    ) -> Result<Appended, AppendError> {
        let revision = Revision(recorded.after + events.len() as u64);
        match (recorded.last, events) {
            (Some(last), [_]) => Ok(Appended { first: last, last, revision }),
            (Some(last), events) => {
                let first = self.look_up(stream, recorded.after, &events[..1]).await?.first;
                Ok(Appended { first, last, revision })
            }
            (None, events) => self.look_up(stream, recorded.after, events).await,
        }
    }

    /// Where the events after so many of the stream are, which must be `events`.
    async fn look_up(&self, stream: &StreamId, after: u64, events: &[EncodedEvent]) -> Result<Appended, AppendError> {
        let ambiguous = |source: BoxError| AppendError::Unavailable { ambiguous: true, source };
        let page = pages::read(&self.link, From::Stream(stream, after), events.len(), self.limit).await;
        let mut stored = Vec::with_capacity(events.len());
        for event in page.map_err(|error| ambiguous(error.into()))?.events {
            stored.push(super::event::recorded(event).map_err(|error| ambiguous(error.into()))?);
        }
        let (Some(first), Some(last)) = (stored.first(), stored.last()) else {
            return Err(ambiguous("EventStoreDB does not show the events that it recorded".into()));
        };
        if stored.len() < events.len() {
            return Err(ambiguous("EventStoreDB shows only a part of the events that it recorded".into()));
        }
        let other = stored.iter().zip(events).find(|(stored, event)| {
            stored.event_id.0 != event.event_id
                || stored.event.name != event.name
                || stored.event.schema_version != event.schema_version
                || stored.event.payload != event.payload
        });
        if let Some((_, event)) = other {
            return Err(AppendError::IdReused { event_id: EventId(event.event_id) });
        }
        Ok(Appended { first: first.position, last: last.position, revision: last.revision })
    }
}

/// The state of an append's earlier attempts.
struct Doubt {
    is_ambiguous: bool,
    failure: BoxError,
}

impl Doubt {
    fn unavailable(&self, source: BoxError) -> AppendError {
        AppendError::Unavailable { ambiguous: self.is_ambiguous, source }
    }
}

/// Whether the stream must be read before an append to it can be decided.
fn wants_more(expected: Expected, known: &Known) -> bool {
    match expected {
        Expected::Any => !known.is_read(),
        Expected::Revision(expected) => expected.0 > known.revision(),
    }
}

/// After how many events of the stream all of `events` are; nothing if none of them is known.
fn repeated(events: &[EncodedEvent], known: &Known) -> Result<Option<u64>, AppendError> {
    let Some(one) = events.iter().find(|event| known.revision_of(event.event_id).is_some()) else {
        return Ok(None);
    };
    let reused = || AppendError::IdReused { event_id: EventId(one.event_id) };
    let first = events.first().and_then(|event| known.revision_of(event.event_id)).ok_or_else(reused)?;
    let all_follow = (first..).zip(events).all(|(revision, event)| known.revision_of(event.event_id) == Some(revision));
    if all_follow { Ok(Some(first - 1)) } else { Err(reused()) }
}

/// The number of events of the stream before the append.
fn end(stream: &StreamId, expected: Expected, known: &Known) -> Result<u64, AppendError> {
    let actual = known.revision();
    match expected {
        Expected::Revision(expected) if expected.0 != actual => {
            Err(AppendError::Conflict { stream: stream.clone(), expected, actual: Revision(actual) })
        }
        _ => Ok(actual),
    }
}
