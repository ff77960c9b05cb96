//! Where the commands' side and the projections' side meet: each asks for a port, and here the other one fills it.

mod blob_store;
mod feed;
mod github;
mod projectors;
mod repositories;
mod windows;

pub use self::{
    blob_store::IndexBlobs,
    feed::LogFeed,
    github::{github_access, github_worker},
    projectors::every_projector,
    repositories::{ProjectedRepositories, ProjectedTrees, StatedFacts},
    windows::ProjectedWindows,
};
