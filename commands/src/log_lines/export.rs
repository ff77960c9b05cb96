//! From a log to lines.

use std::io::Write;

use domain::{
    canonical,
    merkle::{Accumulator, leaf_hash},
    recorded::Position,
};

use super::{Lines, LinesError};
use crate::event_store::{EventStore, Filter, PAGE_EVENTS_MAX};

/// Writes every event up to `until` to `out`, a line each. `seen` is told how far it has come.
///
/// # Errors
/// The log cannot be read, or the lines not be written.
pub async fn export(
    store: &dyn EventStore,
    until: Position,
    out: &mut (dyn Write + Send),
    seen: impl Fn(Position) + Send,
) -> Result<Lines, LinesError> {
    let failed = |source| LinesError::Io { action: "write", source };
    let mut tree = Accumulator::default();
    let mut after = Position(0);
    while after < until {
        let page = store.read_all(after, &Filter::all(), PAGE_EVENTS_MAX).await?;
        if page.next <= after {
            break;
        }
        for event in page.events.iter().filter(|event| event.position <= until) {
            let mut line = canonical::line(event);
            tree.push(leaf_hash(line.as_bytes()));
            line.push('\n');
            out.write_all(line.as_bytes()).map_err(failed)?;
        }
        after = page.next;
        seen(after.min(until));
    }
    out.flush().map_err(failed)?;
    Ok(Lines { events: tree.size(), root: tree.root() })
}
