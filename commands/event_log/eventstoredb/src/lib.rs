//! The event log in EventStoreDB or KurrentDB: one log for several nodes, stored in a cluster.
//!
//! Its client has defects that this adapter works around (`docs/decisions/0021-log-on-eventstoredb.md`): it is created
//! again when it has failed (`link`), appends go through one open call with an exact revision each (`append`), a cache
//! of ids detects repetitions (`memory`), and reading is paging, woken by a poll (`read`, `tail`).

mod append;
mod event;
mod link;
mod memory;
mod open;
mod pages;
mod read;
mod send;
mod store;
mod tail;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use event_log::event_store::{EventStoreDbAdapter, register_eventstoredb};

pub use self::{open::OpenError, store::EventStoreDbEventStore};

/// Lets this process open logs at `esdb://…` and `esdb+discover://…`.
pub fn register() {
    register_eventstoredb(EventStoreDbAdapter {
        open: |url| Box::pin(async move { Ok(Arc::new(EventStoreDbEventStore::open(url).await?) as Arc<_>) }),
        open_read_only: |url| {
            Box::pin(async move { Ok(Arc::new(EventStoreDbEventStore::open_read_only(url).await?) as Arc<_>) })
        },
    });
}
