//! Where the commands' side and the projections' side meet: each asks for a port, and here the other one fills it.

mod blob_store;
mod feed;
mod projectors;
mod repositories;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod windows;

pub use self::{
    blob_store::IndexBlobs,
    feed::LogFeed,
    projectors::every_projector,
    repositories::{ProjectedRepositories, ProjectedTrees, StatedFacts},
    windows::ProjectedWindows,
};
