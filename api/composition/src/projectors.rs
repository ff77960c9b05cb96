//! Every projector of a server, for whoever replays a log without serving anything.

use std::sync::Arc;

use index::repositories;
use projections::{
    audit_index::AuditIndexProjector, credentials::credentials, dashboard::dashboard, projector::MakeProjector,
    transparency::transparency,
};
use stores::blobs::Blobs;

/// Every projector that the server has, by name; `blobs` are those that the log's events name.
#[must_use]
pub fn every_projector(blobs: Blobs) -> Vec<(&'static str, MakeProjector)> {
    vec![
        ("credentials", Box::new(|readers| Box::new(credentials(readers).1))),
        ("repositories", Box::new(|readers| Box::new(repositories(readers, Arc::new(blobs)).1))),
        ("dashboard", Box::new(|readers| Box::new(dashboard(readers).1))),
        ("transparency", Box::new(|readers| Box::new(transparency(readers).1))),
        ("audit_index", Box::new(|_| Box::new(AuditIndexProjector::default()))),
    ]
}
