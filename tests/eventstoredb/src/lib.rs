//! A double of EventStoreDB (KurrentDB) for tests: its wire protocol, the promises that an event log rests on, and faults.
//!
//! It is **not** EventStoreDB. What passes against it speaks the protocol and handles the faults that it can simulate; how the real
//! server behaves in everything else is known only by running the same tests against one (`docs/reference/log-stores.md`).
//!
//! Modelled: appends of one stream that are atomic, ordered and at most so large; wrong expected versions; repeated appends
//! recognised by stream, expected version and event ids; `$all` in a total order with gaps and with events of the system;
//! deleted streams; a cluster whose followers refuse what wants the leader. Not modelled: subscriptions, links, users, TLS.

#![expect(clippy::result_large_err, reason = "tonic's services answer with its status by value")]

mod append;
mod connection;
mod double;
mod faults;
mod log;
mod node;
mod proto;
mod read;
mod refusal;
mod services;

pub use double::{Double, Options};
pub use faults::Fault;
