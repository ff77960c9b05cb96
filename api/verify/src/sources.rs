//! What is checked.

use std::{path::PathBuf, sync::Arc};

use event_log::event_store::EventStore;
use projections::projector::MakeProjector;
use stores::blobs::Blobs;

/// What is checked.
pub struct Sources {
    /// The log. It is only read.
    pub log: Arc<dyn EventStore>,
    /// The blobs that its events name. They are only read.
    pub blobs: Blobs,
    /// Every projector that a server has, by name; the blobs are those that the log's events name.
    pub projectors: fn(Blobs) -> Vec<(&'static str, MakeProjector)>,
    /// The live read models, if they are to be compared. A copy of them is made: a server may be writing to them.
    pub read_models: Option<PathBuf>,
    /// Which state of each transparency log was signed last, if that is to be compared.
    pub signed_logs: Option<PathBuf>,
    /// Where scratch read models may lie for the time: as large as the live ones, twice.
    pub scratch: PathBuf,
}
