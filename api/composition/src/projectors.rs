//! Every projector of a server, for whoever replays a log without serving anything.

use std::sync::Arc;

use index::repositories;
use projections::{
    board::board, credentials::credentials, history::HistoryProjector, projector::MakeProjector,
    transparency::transparency,
};
use stores::blobs::Blobs;

use super::IndexBlobs;

/// Every projector that the server has, by name; `blobs` are those that the log's events name.
#[must_use]
pub fn every_projector(blobs: Blobs) -> Vec<(&'static str, MakeProjector)> {
    vec![
        ("credentials", Box::new(|readers| Box::new(credentials(readers).1))),
        ("repositories", Box::new(|readers| Box::new(repositories(readers, Arc::new(IndexBlobs(blobs))).1))),
        ("board", Box::new(|readers| Box::new(board(readers).1))),
        ("transparency", Box::new(|readers| Box::new(transparency(readers).1))),
        ("history", Box::new(|_| Box::new(HistoryProjector::default()))),
    ]
}
