//! Where the commands' side and the projections' side meet: each asks for a port, and here the other one fills it.

mod blob_store;
mod feed;
mod repositories;
mod served;

pub use self::{
    blob_store::IndexBlobs,
    feed::LogFeed,
    repositories::ProjectedRepositories,
    served::{ServedBlobs, ServedRepositories},
};
