//! Puts the parts of a server together, the same way for every program and test.
//!
//! [`Core`] is the open log with everything that belongs to it, [`Projected`] are its read models. A server needs a core, a
//! replica the read models only, and `verify` the list of projectors.

mod core;
mod projected;
mod repositories;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;

pub use self::{
    core::{Core, CoreSettings},
    projected::{Projected, Scope, every_projector},
    repositories::{ProjectedRepositories, StatedFacts},
};
