//! The event log in EventStoreDB or KurrentDB: one log for several nodes, kept by a cluster.
//!
//! Its client has defects that this adapter works around (`docs/decisions/0021-log-on-eventstoredb.md`): it is made anew when it has broken (`link`),
//! appends go through one open call with an exact revision each (`append`), a memory of ids tells repetitions apart
//! (`memory`), and reading is paging, woken by a poll (`read`, `tail`).

mod url;

#[cfg(feature = "eventstoredb")]
mod append;
#[cfg(feature = "eventstoredb")]
mod event;
#[cfg(feature = "eventstoredb")]
mod link;
#[cfg(feature = "eventstoredb")]
mod memory;
#[cfg(feature = "eventstoredb")]
mod open;
#[cfg(feature = "eventstoredb")]
mod pages;
#[cfg(feature = "eventstoredb")]
mod read;
#[cfg(feature = "eventstoredb")]
mod send;
#[cfg(feature = "eventstoredb")]
mod store;
#[cfg(feature = "eventstoredb")]
mod tail;
#[cfg(all(test, feature = "eventstoredb"))]
mod tests;

#[cfg(feature = "eventstoredb")]
pub use {
    open::{OpenError, SERVER_VERSION_MIN},
    store::EventStoreDbEventStore,
};

pub use url::EventStoreDbUrl;
pub(super) use url::{EXPECTED, SCHEMES};
