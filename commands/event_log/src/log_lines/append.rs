//! Appends events that were verified elsewhere to a log that holds everything before them.

use std::collections::HashSet;

use domain::recorded::{RawEvent, Recorded, Revision};

use super::{LinesError, batch::Batch};
use crate::event_store::EventStore;

/// Records `events` in their order, with their ids and metadata, each at its revision of its stream. Those that are there already
/// stay as they are, so that an interrupted call can be repeated.
///
/// # Errors
/// `Other` if another event is at an event's place; see [`LinesError::Append`] for the rest. Lines count these events from 1, and
/// those before the one that is named are recorded.
pub async fn append(store: &dyn EventStore, events: Vec<Recorded<RawEvent>>) -> Result<(), LinesError> {
    let mut at_their_end = HashSet::new();
    let mut batch = Batch::default();
    for (line, event) in (1..).zip(events) {
        if !at_their_end.contains(&event.stream) {
            let before = Revision(event.revision.0.saturating_sub(1));
            match store.read_stream(&event.stream, before, 1).await?.first() {
                Some(there) if there.event_id == event.event_id => continue,
                Some(there) => return Err(LinesError::Other { line, position: there.position }),
                None => at_their_end.insert(event.stream.clone()),
            };
        }
        if !batch.takes(&event) {
            std::mem::take(&mut batch).record(store).await?;
        }
        batch.push(line, event);
    }
    batch.record(store).await
}
