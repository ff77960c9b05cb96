//! Why the log refused an append.

use std::fmt;

use domain::{
    ids::EventId,
    recorded::{Revision, StreamId},
};

use super::{APPEND_BYTES_MAX, APPEND_EVENTS_MAX, BoxError};

/// Why nothing was appended, or why that is not known.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another writer appended first. Load and decide again.
    #[error("the event stream {stream} was changed at the same time: expected revision {expected}, found {actual}")]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// What the caller had seen.
        expected: Revision,
        /// How many events the stream holds.
        actual: Revision,
    },
    /// The id belongs to another event: this append is not a repetition of an earlier one.
    #[error("the event id {event_id} is already used for another event")]
    IdReused {
        /// The first id in question.
        event_id: EventId,
    },
    /// There was nothing to append.
    #[error("there is no event to write to the event log: expected at least one")]
    Empty,
    /// The append is larger than every backend can take.
    #[error("this is too much to write to the event log at once: at most {limit} are possible")]
    TooLarge {
        /// What it exceeds.
        limit: Limit,
    },
    /// The log cannot be reached, or its answer is not valid.
    #[error("cannot write to the event log{}", if *.ambiguous { " (the events may have been recorded: repeat it with the same ids)" } else { " (nothing was recorded)" })]
    Unavailable {
        /// The events may be recorded nevertheless. To repeat the append with the same ids is safe.
        ambiguous: bool,
        /// The cause.
        source: BoxError,
    },
}

impl AppendError {
    /// The log was opened for reading only.
    #[must_use]
    pub fn read_only() -> Self {
        Self::Unavailable { ambiguous: false, source: "the event log was opened for reading only".into() }
    }
}

/// What an append may not exceed; the same for every backend, so that moving to another one never breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`APPEND_EVENTS_MAX`].
    Events,
    /// [`APPEND_BYTES_MAX`].
    Bytes,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events => write!(f, "{APPEND_EVENTS_MAX} events"),
            Self::Bytes => write!(f, "{APPEND_BYTES_MAX} bytes"),
        }
    }
}
