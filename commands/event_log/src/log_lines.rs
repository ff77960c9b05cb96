//! A log as lines of text, one canonical line an event: to keep, to read elsewhere, and to bring into another log.

mod append;
mod batch;
mod copy;
mod export;
mod import;
#[cfg(test)]
mod tests;

use std::io;

use domain::{
    canonical::InvalidLine,
    digest::Sha256,
    recorded::{Position, StreamId},
};

pub use self::{
    append::append,
    copy::{CopyStep, copy},
    export::export,
    import::import,
};
use crate::event_store::{AppendError, ReadError};

/// What was written or brought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// How many events.
    pub events: u64,
    /// The root of the Merkle tree over their lines (RFC 6962).
    pub root: Sha256,
}

/// Why a log is not written or brought in to its end.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The lines cannot be written or read.
    #[error("cannot {action} the lines")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A line is no event.
    #[error("line {line} is no event of a log")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong.
        source: InvalidLine,
    },
    /// The log holds something else than the lines say.
    #[error(
        "the log has another event at position {position} than line {line} says: it is not a beginning of these lines"
    )]
    Other {
        /// From 1.
        line: u64,
        /// Where.
        position: Position,
    },
    /// The log goes on after the last line.
    #[error("the log has more events than there are lines: {events} lines")]
    Longer {
        /// How many lines there are.
        events: u64,
    },
    /// A stream's events are not in their order.
    #[error("line {line} cannot follow: {stream} is not at the revision before it")]
    Revision {
        /// From 1.
        line: u64,
        /// Whose.
        stream: StreamId,
    },
    /// What was brought in is not what is there.
    #[error(
        "the logs differ: {} events with the Merkle root {} were copied, and {} events with the root {} are there",
        copied.events, copied.root, found.events, found.root
    )]
    Differ {
        /// What was read from the one.
        copied: Lines,
        /// What the other holds.
        found: Lines,
    },
    /// The log does not take an event.
    #[error("the log does not take line {line}")]
    Append {
        /// The first line of the append, from 1.
        line: u64,
        /// Why.
        source: AppendError,
    },
}
