//! The end of the log, as far as this node knows.
//!
//! The server's own events are between ours and after them. The position up to which they were read is remembered, so
//! that a reader that waits for the next event does not read them again and again.

use std::sync::{Mutex, PoisonError};

use domain::recorded::Position;
use tokio::sync::watch;

/// What is known of the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// The newest event of ours.
    pub(super) head: Position,
    /// Nothing of ours is between the newest event and here.
    pub(super) scanned: Position,
}

pub(super) struct Tail {
    end: Mutex<End>,
    hint: watch::Sender<Position>,
}

impl Tail {
    pub(super) fn new() -> Self {
        let end = End { head: Position(0), scanned: Position(0) };
        Self { end: Mutex::new(end), hint: watch::Sender::new(end.head) }
    }

    pub(super) fn end(&self) -> End {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Position> {
        self.hint.subscribe()
    }

    /// Up to `scanned` the newest event of ours is `head`. Returns what is known now, which may be more.
    pub(super) fn advance(&self, head: Position, scanned: Position) -> End {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.head = end.head.max(head);
        end.scanned = end.scanned.max(scanned).max(end.head);
        let now = *end;
        // Under the lock, so that the hint never goes back.
        self.hint.send_if_modified(|hint| {
            let is_new = now.head > *hint;
            *hint = now.head;
            is_new
        });
        now
    }
}
