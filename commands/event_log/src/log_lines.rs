//! A log as lines of text, one canonical line for each event: to archive, to read elsewhere, and to import.

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

/// Why an export or an import failed.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The lines cannot be written or read.
    #[error("cannot {action} the lines of the event log")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A line is not an event.
    #[error("line {line} is not a valid event")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong.
        source: InvalidLine,
    },
    /// The log holds an event that differs from the lines.
    #[error(
        "line {line} differs from the event at position {position} of the event log: the event log must be empty, or be the beginning of these lines"
    )]
    Other {
        /// From 1.
        line: u64,
        /// Where.
        position: Position,
    },
    /// The log continues after the last line.
    #[error("the event log has more events than there are lines: expected at most {events} events")]
    Longer {
        /// How many lines there are.
        events: u64,
    },
    /// A stream's events are not in their order.
    #[error("line {line} is out of order: the previous event of the event stream {stream} is missing")]
    Revision {
        /// From 1.
        line: u64,
        /// The stream.
        stream: StreamId,
    },
    /// The imported events differ from the source.
    #[error(
        "the two event logs differ: {} events with the Merkle root {} were copied, but the target has {} events with the Merkle root {}",
        copied.events, copied.root, found.events, found.root
    )]
    Differ {
        /// What was read from the one.
        copied: Lines,
        /// What the other holds.
        found: Lines,
    },
    /// The log refused an event.
    #[error("cannot write the event in line {line} to the event log")]
    Append {
        /// The first line of the append, from 1.
        line: u64,
        /// Why.
        source: AppendError,
    },
}
