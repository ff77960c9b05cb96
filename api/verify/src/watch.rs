//! The progress of a check, for callers that wait for it.

use domain::recorded::Position;

/// One pass of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Each event, and its signatures. Counted in positions.
    Log,
    /// Every index is rendered again. Counted in positions.
    Projections,
    /// Every compressed index file is unpacked. Counted in repository versions.
    IndexFiles,
    /// Every blob is hashed. Counted in blobs.
    Blobs,
    /// Rows are compared. Counted in tables.
    ReadModels,
}

impl Stage {
    /// Describes the pass, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Log => "Reading the log",
            Self::Projections => "Rendering every index",
            Self::IndexFiles => "Unpacking index files",
            Self::Blobs => "Hashing blobs",
            Self::ReadModels => "Comparing read models",
        }
    }

    /// The unit that is counted, for people.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Log | Self::Projections => "events",
            Self::IndexFiles => "indexes",
            Self::Blobs => "blobs",
            Self::ReadModels => "tables",
        }
    }
}

/// Receives the progress of a check.
pub trait Watch: Send + Sync {
    /// Reports that `done` of `total` are done.
    fn at(&self, stage: Stage, done: u64, total: u64);
}

/// Ignores progress reports.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Watch for Silent {
    fn at(&self, _: Stage, _: u64, _: u64) {}
}

/// Positions as a count.
pub(super) fn at_position(watch: &dyn Watch, stage: Stage, position: Position, until: Position) {
    watch.at(stage, position.0.min(until.0), until.0);
}
