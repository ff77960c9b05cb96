//! What commands and projections exchange: traits, and the values that pass through them.
//!
//! Commands and projections do not know each other. One side asks for a trait of this crate, a type of the other side
//! implements it, and the binary hands the one to the other. The traits are asynchronous, which `domain` is not: hence a crate
//! of its own.

pub mod blob_store;
pub mod candidates;
pub mod grace_windows;
pub mod log_reader;
pub mod trees;

/// What went wrong on the other side, in its own words.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;
