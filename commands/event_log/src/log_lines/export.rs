//! Exports a log as lines.

use std::io::Write;

use domain::{
    canonical,
    merkle::{Accumulator, leaf_hash},
    recorded::Position,
};

use super::{Lines, LinesError};
use crate::event_store::{EventStore, Events, Filter};

/// Writes every event up to `until` to `out`, a line each. `seen` is called with the progress.
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
    let mut events = Events::up_to(store, until, Filter::all());
    while let Some(event) = events.next().await? {
        let mut line = canonical::line(&event);
        tree.push(leaf_hash(line.as_bytes()));
        line.push('\n');
        out.write_all(line.as_bytes()).map_err(failed)?;
        seen(event.position);
    }
    out.flush().map_err(failed)?;
    Ok(Lines { events: tree.size(), root: tree.root() })
}
