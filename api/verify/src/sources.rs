//! The input of a check.

use std::{path::PathBuf, sync::Arc};

use event_log::event_store::EventStore;
use projections::projector::MakeProjector;
use stores::blobs::Blobs;

/// The input of a check.
pub struct Sources {
    /// The log, opened for reading.
    pub log: Arc<dyn EventStore>,
    /// The blobs that its events name, opened for reading.
    pub blobs: Blobs,
    /// All projectors of a server, by name, with the blobs that the log's events name.
    pub projectors: fn(Blobs) -> Vec<(&'static str, MakeProjector)>,
    /// The live read models to compare, if any. They are copied first, since a server may be writing to them.
    pub read_models: Option<PathBuf>,
    /// The last signed states of the transparency logs, if they are to be compared.
    pub signed_logs: Option<PathBuf>,
    /// The folder for scratch read models, which need twice the space of the live ones.
    pub scratch: PathBuf,
}
