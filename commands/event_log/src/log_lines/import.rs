//! Imports lines into a log that is empty or already holds a beginning of them.

use std::{collections::HashMap, io::BufRead};

use domain::{
    canonical::{self, InvalidLine, LINE_MAX_BYTES},
    merkle::{Accumulator, leaf_hash},
    recorded::{Position, RawEvent, Recorded, Revision, StreamId},
};

use super::{Lines, LinesError, batch::Batch};
use crate::event_store::{EventStore, Events};

/// Reads lines and gives each with its number.
struct Reader<'a> {
    lines: &'a mut (dyn BufRead + Send),
    number: u64,
    tree: Accumulator,
}

impl Reader<'_> {
    /// The next event, as it would be at `position`; none at the end.
    fn next(&mut self, position: Position) -> Result<Option<Recorded<RawEvent>>, LinesError> {
        let mut line = Vec::new();
        let limit = LINE_MAX_BYTES as u64 + 2;
        let mut limited = std::io::Read::take(&mut *self.lines, limit);
        let read = limited.read_until(b'\n', &mut line);
        if read.map_err(|source| LinesError::Io { action: "read", source })? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let wrong = |source| LinesError::Line { line: self.number, source };
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        let text = std::str::from_utf8(&line).map_err(|_| wrong(InvalidLine::NotCanonical))?;
        let event = canonical::parse(text, position).map_err(wrong)?;
        self.tree.push(leaf_hash(text.as_bytes()));
        Ok(Some(event))
    }
}

/// Imports `lines` into `store`, with their ids, metadata and order. What the log holds already must be a beginning of
/// them, so that an interrupted import can be repeated. `seen` is called with the number of lines recorded.
///
/// # Errors
/// See [`LinesError`]. Every line before the one it names is recorded or was there.
pub async fn import(
    store: &dyn EventStore,
    lines: &mut (dyn BufRead + Send),
    seen: impl Fn(u64) + Send,
) -> Result<Lines, LinesError> {
    let mut reader = Reader { lines, number: 0, tree: Accumulator::default() };
    let mut revisions = HashMap::new();
    pass_over(store, &mut reader, &mut revisions, &seen).await?;
    let mut batch = Batch::default();
    while let Some(event) = reader.next(Position(reader.number + 1))? {
        follows(&event, &mut revisions, reader.number)?;
        if !batch.takes(&event) {
            std::mem::take(&mut batch).record(store).await?;
            seen(reader.number - 1);
        }
        batch.push(reader.number, event);
    }
    batch.record(store).await?;
    seen(reader.number);
    Ok(Lines { events: reader.tree.size(), root: reader.tree.root() })
}

/// What is in the log already must be what the lines begin with.
async fn pass_over(
    store: &dyn EventStore,
    reader: &mut Reader<'_>,
    revisions: &mut HashMap<StreamId, Revision>,
    seen: &(impl Fn(u64) + Send),
) -> Result<(), LinesError> {
    let mut log = Events::up_to_now(store).await?;
    while let Some(there) = log.next().await? {
        let event = reader.next(there.position)?.ok_or(LinesError::Longer { events: reader.number })?;
        if canonical::line(&event) != canonical::line(&there) {
            return Err(LinesError::Other { line: reader.number, position: there.position });
        }
        follows(&event, revisions, reader.number)?;
        seen(reader.number);
    }
    Ok(())
}

fn follows(
    event: &Recorded<RawEvent>,
    revisions: &mut HashMap<StreamId, Revision>,
    line: u64,
) -> Result<(), LinesError> {
    let before = revisions.insert(event.stream.clone(), event.revision).unwrap_or_default();
    if event.revision.0 == before.0 + 1 {
        return Ok(());
    }
    Err(LinesError::Revision { line, stream: event.stream.clone() })
}
