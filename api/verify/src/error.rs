//! Why a log could not be checked.

use std::path::PathBuf;

use domain::recorded::Position;
use event_log::event_store::ReadError;
use projections::runner::ReplayError;

/// Why a log could not be checked. This does not mean that the log is damaged.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// Scratch read models cannot be written, or the live ones cannot be copied.
    #[error("cannot {action}")]
    Rows {
        /// The operation that failed.
        action: &'static str,
        /// The error of SQLite.
        source: sqlx::Error,
    },
    /// Scratch read models cannot be filled.
    #[error("cannot rebuild the read models (tables built from the event log) to compare them")]
    Replay(#[from] ReplayError),
    /// The folder for scratch read models cannot be used.
    #[error("cannot use the folder {} for temporary files", path.display())]
    Scratch {
        /// The folder's path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The last signed states cannot be read.
    #[error("cannot read the last signed states of the transparency logs in {}", path.display())]
    Signed {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A bug in this program.
    #[error("a background task of the verification crashed or was cancelled")]
    BrokeOff(#[from] tokio::task::JoinError),
    /// The requested range is empty.
    #[error("there is nothing to verify from position {from} until position {until}: give the earlier position first")]
    Reversed {
        /// What was asked for.
        from: Position,
        /// What was asked for.
        until: Position,
    },
    /// The requested range is after the log's end.
    #[error("there is nothing to verify from position {from} on: the event log ends at position {head}")]
    Nothing {
        /// Where the log ends.
        head: Position,
        /// What was asked for.
        from: Position,
    },
}
