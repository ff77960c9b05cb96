//! A batch of events to append to a log, in its order.

use domain::recorded::{RawEvent, Recorded, Revision};

use super::LinesError;
use crate::event_store::{APPEND_BYTES_MAX, APPEND_EVENTS_MAX, EventStore, Expected, NewEvent, StreamAppend};

/// Events that follow each other in the log: as many as one append may hold.
#[derive(Default)]
pub(super) struct Batch {
    /// The first event's line, from 1.
    line: u64,
    appends: Vec<StreamAppend>,
    events: usize,
    bytes: usize,
}

impl Batch {
    pub(super) fn takes(&self, event: &Recorded<RawEvent>) -> bool {
        self.events == 0 || (self.events < APPEND_EVENTS_MAX && self.bytes + size(event) <= APPEND_BYTES_MAX)
    }

    pub(super) fn push(&mut self, line: u64, event: Recorded<RawEvent>) {
        if self.events == 0 {
            self.line = line;
        }
        self.events += 1;
        self.bytes += size(&event);
        let Recorded { stream, revision, event_id, metadata, event, .. } = event;
        let new = NewEvent { event_id, event, metadata };
        match self.appends.last_mut() {
            Some(last) if last.stream == stream => last.events.push(new),
            _ => {
                let expected = Expected::Revision(Revision(revision.0.saturating_sub(1)));
                self.appends.push(StreamAppend { stream, expected, events: vec![new] });
            }
        }
    }

    /// Appends that are on their way at the same time may be recorded in another order: the batches follow each other.
    pub(super) async fn record(self, store: &dyn EventStore) -> Result<(), LinesError> {
        let recorded = store.append_in_order(self.appends).await;
        recorded.map_err(|source| LinesError::Append { line: self.line, source })
    }
}

/// What the event counts in an append, or a little more.
fn size(event: &Recorded<RawEvent>) -> usize {
    const METADATA_MAX_BYTES: usize = 512;
    event.event.name.len() + event.event.payload.len() + METADATA_MAX_BYTES
}
