//! Repositories for package clients: authorization, paths of files, and their content.

mod access;
mod bytes;
mod certificate;
mod epoch;
mod files;
mod mirrorlist;
pub mod path;
mod routes;

pub(crate) use self::files::split;
pub use self::{
    access::{Authorized, Authorizer, ServedRepository},
    bytes::{CACHE_MAX_BYTES, FileBytes},
    certificate::{InvalidCertificate, PublicCertificate, PublicKey},
    files::Files,
    path::{FilePath, InvalidPath},
    routes::{RepositoriesState, routes},
};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
