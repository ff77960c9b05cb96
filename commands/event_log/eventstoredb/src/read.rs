//! Reading the log: pages of our events out of the server's.

use std::time::Duration;

use domain::recorded::{Position, RawEvent, Recorded, Revision, StreamId};
use event_log::event_store::{Filter, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, Page, ReadError, SCAN_POSITIONS_MAX};

use super::{
    event::{self, is_of_the_system, recorded},
    link::Link,
    pages::{self, From},
    tail::Tail,
};

/// Fewest events that are asked for at once: each call costs 45 ms, whatever it returns.
const RAW_EVENTS_MIN: usize = 64;
/// Events that are asked for at once where most of them will be held back.
const RAW_EVENTS: usize = 1_024;
/// Events that are asked for at once to find the newest of ours behind the system's.
const RAW_EVENTS_AT_END: usize = 32;

/// What reads.
#[derive(Clone, Copy)]
pub(super) struct Reader<'s> {
    pub(super) link: &'s Link,
    pub(super) tail: &'s Tail,
    /// How long the server may take for a page.
    pub(super) limit: Duration,
}

impl Reader<'_> {
    /// Up to `limit` events of `stream` after revision `after`.
    pub(super) async fn stream(
        &self,
        stream: &StreamId,
        after: Revision,
        limit: u32,
    ) -> Result<Vec<Recorded<RawEvent>>, ReadError> {
        // The server's revisions are signed, and begin with 0: the event after ours is at the same number.
        if limit == 0 || i64::try_from(after.0).is_err() {
            return Ok(Vec::new());
        }
        let count = limit.min(PAGE_EVENTS_MAX) as usize;
        let page = pages::read(self.link, From::Stream(stream, after.0), count, self.limit).await?;
        page.events.into_iter().map(recorded).collect()
    }

    /// Up to `limit` events after `after` that pass `filter`.
    pub(super) async fn all(&self, after: Position, filter: &Filter, limit: u32) -> Result<Page, ReadError> {
        let limit = limit.min(PAGE_EVENTS_MAX) as usize;
        let mut taking = Taking { filter, limit, events: Vec::new(), bytes: 0, next: after };
        let count = if filter.is_all() { (limit + 16).max(RAW_EVENTS_MIN) } else { RAW_EVENTS };
        let end = self.tail.end();
        let mut cursor = if after == end.head { end.scanned } else { after };
        let mut looked_at = 0;
        loop {
            let from = if cursor == Position(0) { From::Beginning } else { From::Position(cursor.0) };
            let page = pages::read(self.link, from, count, self.limit).await?;
            looked_at += page.events.len() as u64;
            for event in page.events {
                let position = event::position(&event);
                if position <= cursor && cursor != Position(0) {
                    continue;
                }
                cursor = position;
                if is_of_the_system(&event) {
                    continue;
                }
                if taking.is_full() {
                    return Ok(taking.page(self.tail.end().head.max(position)));
                }
                taking.take(recorded(event)?);
            }
            if page.is_end {
                let end = self.tail.advance(taking.next, cursor);
                return Ok(taking.page(end.head));
            }
            if looked_at >= SCAN_POSITIONS_MAX && taking.next > after {
                let head = self.head().await?;
                return Ok(taking.page(head));
            }
        }
    }

    /// The newest event of ours, looked for from the end.
    pub(super) async fn head(&self) -> Result<Position, ReadError> {
        let known = self.tail.end();
        let mut newest = None;
        let mut from = From::End;
        let mut count = RAW_EVENTS_AT_END;
        loop {
            let page = pages::read(self.link, from, count, self.limit).await?;
            for event in &page.events {
                let position = event::position(event);
                let newest = *newest.get_or_insert(position);
                if position <= known.scanned {
                    return Ok(self.tail.advance(known.head, newest).head);
                }
                if !is_of_the_system(event) {
                    return Ok(self.tail.advance(position, newest).head);
                }
                from = From::Before(position.0);
            }
            if page.is_end {
                return Ok(self.tail.advance(known.head, newest.unwrap_or(known.scanned)).head);
            }
            count = RAW_EVENTS;
        }
    }
}

/// A page while it is filled.
struct Taking<'f> {
    filter: &'f Filter,
    limit: usize,
    events: Vec<Recorded<RawEvent>>,
    bytes: usize,
    /// The last event that was looked at.
    next: Position,
}

impl Taking<'_> {
    fn is_full(&self) -> bool {
        self.events.len() >= self.limit || self.bytes >= PAGE_BYTES_MAX
    }

    fn take(&mut self, event: Recorded<RawEvent>) {
        self.next = event.position;
        if lets_through(self.filter, &event) {
            self.bytes += event.event.payload.len();
            self.events.push(event);
        }
    }

    fn page(self, head: Position) -> Page {
        Page { events: self.events, next: self.next, head: head.max(self.next) }
    }
}

fn lets_through(filter: &Filter, event: &Recorded<RawEvent>) -> bool {
    (filter.stream_kinds.is_empty() || event.stream.kind().is_some_and(|kind| filter.stream_kinds.contains(&kind)))
        && (filter.event_names.is_empty() || filter.event_names.contains(&event.event.name))
}
