//! Pages of a log in a database: their ends, and decoding rows into events.

use domain::{
    ids::EventId,
    recorded::{Position, RawEvent, Recorded, Revision},
};
use futures::{TryStreamExt, stream::BoxStream};
use uuid::Uuid;

use super::{BoxError, Filter, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, Page, ReadError};

/// Most positions that one filtered page looks at, so that a rare event is found in many short reads instead of a long one.
pub const SCAN_POSITIONS_MAX: u64 = 50_000;

/// The part of the log that a page may be taken from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) after: Position,
    /// The last position.
    pub(super) end: Position,
    /// Most events, never more than [`PAGE_EVENTS_MAX`].
    pub(super) limit: u32,
    head: Position,
}

impl Span {
    /// What a page after `after` may hold of a log that ends at `head`.
    pub(super) fn new(after: Position, head: Position, filter: &Filter, limit: u32) -> Self {
        let end = if filter.is_all() { head } else { head.min(Position(after.0.saturating_add(SCAN_POSITIONS_MAX))) };
        Self { after, end, limit: limit.min(PAGE_EVENTS_MAX), head }
    }

    /// The page, if nothing needs to be read for it.
    pub(super) fn empty(self) -> Option<Page> {
        let is_empty = self.after >= self.head || self.limit == 0;
        is_empty.then(|| Page { events: Vec::new(), next: self.after, head: self.head })
    }

    /// The page of these events.
    pub(super) fn page(self, taken: Taken) -> Page {
        // A page that is not full has seen everything up to its end.
        let is_full = taken.is_cut || taken.events.len() >= self.limit as usize;
        let next = taken.events.last().filter(|_| is_full).map_or(self.end, |last| last.position);
        Page { events: taken.events, next, head: self.head }
    }
}

pub(super) struct Taken {
    pub(super) events: Vec<Recorded<RawEvent>>,
    /// It was stopped for its size; there may be more.
    is_cut: bool,
}

/// Takes rows until they end, or until there are enough bytes.
pub(super) async fn take<R>(
    mut rows: BoxStream<'_, Result<R, sqlx::Error>>,
    decode: impl Fn(&R) -> Result<Recorded<RawEvent>, ReadError>,
) -> Result<Taken, ReadError> {
    let mut events = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await.map_err(unavailable)? {
        let event = decode(&row)?;
        bytes += event.event.payload.len();
        events.push(event);
        if bytes >= PAGE_BYTES_MAX {
            return Ok(Taken { events, is_cut: true });
        }
    }
    Ok(Taken { events, is_cut: false })
}

/// An event as a database has it.
pub(super) struct Row<'r> {
    pub(super) stream: &'r str,
    pub(super) revision: i64,
    pub(super) event_id: &'r [u8],
    pub(super) metadata: &'r str,
    pub(super) event: RawEvent,
}

impl Row<'_> {
    /// The event at `position`.
    pub(super) fn recorded(self, position: Position) -> Result<Recorded<RawEvent>, BoxError> {
        Ok(Recorded {
            position,
            stream: self.stream.parse()?,
            revision: Revision(self.revision.cast_unsigned()),
            event_id: EventId(Uuid::from_slice(self.event_id)?),
            metadata: serde_json::from_str(self.metadata)?,
            event: self.event,
        })
    }
}

/// Databases' integers are signed; nothing is ever stored beyond them.
pub(super) fn saturated(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unavailable(source: sqlx::Error) -> ReadError {
    ReadError::Unavailable { source: source.into() }
}
