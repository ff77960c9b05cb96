//! Why a log could not be checked.

use std::path::PathBuf;

use domain::recorded::Position;
use event_log::event_store::ReadError;
use projections::runner::ReplayError;

/// Why a log could not be checked to its end. It says nothing about what the log holds.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log cannot be reached.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// Scratch read models cannot be written, or the live ones not be copied.
    #[error("cannot {action}")]
    Rows {
        /// What was tried.
        action: &'static str,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// Scratch read models cannot be filled.
    #[error("cannot replay the log")]
    Replay(#[from] ReplayError),
    /// The folder for scratch read models cannot be used.
    #[error("cannot use the folder {}", path.display())]
    Scratch {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was signed last cannot be read.
    #[error("cannot read what was signed last, in {}", path.display())]
    Signed {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A defect of this program.
    #[error("a check stopped unexpectedly")]
    BrokeOff(#[from] tokio::task::JoinError),
    /// The part that was asked for ends before it begins.
    #[error("there is nothing to check from position {from} until position {until}: give the earlier one first")]
    Reversed {
        /// What was asked for.
        from: Position,
        /// What was asked for.
        until: Position,
    },
    /// There is nothing in the part that was asked for.
    #[error("there is nothing to check: the log ends at position {head}, and positions from {from} on were asked for")]
    Nothing {
        /// Where the log ends.
        head: Position,
        /// What was asked for.
        from: Position,
    },
}
