//! Copies a log into another one, on any event stores.

use std::mem;

use domain::{
    canonical,
    merkle::{Accumulator, leaf_hash},
    recorded::Position,
};

use super::{Lines, LinesError, batch::Batch};
use crate::event_store::{EventStore, Events};

/// What a copy is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyStep {
    /// Comparing what the target holds already.
    Comparing,
    /// Recording the rest.
    Recording,
    /// Reading the target again, for its Merkle root.
    Checking,
}

/// Copies all events of `from` up to its present end into `to`, with ids, metadata and order. What `to` holds already
/// must be a beginning of it, so that an interrupted copy can be repeated; no other process may write to it meanwhile.
/// In the end `to` is read again, and its Merkle root compared. `seen` is called with a step, its progress and its end,
/// in positions of the log that is read.
///
/// # Errors
/// See [`LinesError`]; lines are events, counted from 1. Every event before the one it names is recorded or was there.
pub async fn copy(
    from: &dyn EventStore,
    to: &dyn EventStore,
    seen: impl Fn(CopyStep, Position, Position) + Send,
) -> Result<Lines, LinesError> {
    let mut source = Events::up_to_now(from).await?;
    let mut tree = Accumulator::default();
    let mut target = Events::up_to_now(to).await?;
    while let Some(there) = target.next().await? {
        let line = tree.size() + 1;
        let event = source.next().await?.ok_or(LinesError::Longer { events: tree.size() })?;
        let text = canonical::line(&event);
        if text != canonical::line(&there) {
            return Err(LinesError::Other { line, position: there.position });
        }
        tree.push(leaf_hash(text.as_bytes()));
        seen(CopyStep::Comparing, there.position, target.end());
    }

    let mut batch = Batch::default();
    while let Some(event) = source.next().await? {
        tree.push(leaf_hash(canonical::line(&event).as_bytes()));
        if !batch.takes(&event) {
            mem::take(&mut batch).record(to).await?;
            seen(CopyStep::Recording, event.position, source.end());
        }
        batch.push(tree.size(), event);
    }
    batch.record(to).await?;

    let copied = Lines { events: tree.size(), root: tree.root() };
    let mut target = Events::up_to_now(to).await?;
    let mut tree = Accumulator::default();
    while let Some(there) = target.next().await? {
        tree.push(leaf_hash(canonical::line(&there).as_bytes()));
        seen(CopyStep::Checking, there.position, target.end());
    }
    let found = Lines { events: tree.size(), root: tree.root() };
    if found == copied { Ok(copied) } else { Err(LinesError::Differ { copied, found }) }
}
