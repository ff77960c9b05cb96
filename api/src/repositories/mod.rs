//! Repositories as package clients see them: who may enter, which file a path names, and its bytes.

mod access;
pub mod bytes;
mod certificate;
mod epoch;
mod files;
mod mirrorlist;
pub mod path;
pub mod reads;
mod routes;

pub(crate) use self::files::split;
pub use self::{
    access::{Entered, enter, enter_packages},
    bytes::{BlobReads, FileBytes, Piece},
    certificate::{InvalidCertificate, PublicCertificate, PublicKey},
    path::{FilePath, InvalidPath},
    reads::{Located, RepositoryReads, ServedRepository},
    routes::RepositoryRoutes,
};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
