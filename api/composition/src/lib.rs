//! Puts the parts of a server together, the same way for every program and test.

mod projectors;
mod repositories;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;

pub use self::{
    projectors::every_projector,
    repositories::{ProjectedRepositories, StatedFacts},
};
