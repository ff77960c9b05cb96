//! Package files: writing debs and rpms from a tree, and reading the facts that a package file contains.
//!
//! Everything here is synchronous and reads or writes whole files: call it from `spawn_blocking`.
//!
//! - [`write_package`] turns a [`Spec`] into a file. The same spec gives the same bytes, whenever and wherever it is
//!   written: no clock, host name, umask, user id or file time gets in.
//! - [`read_package`] turns a file, however hostile, into a [`domain::package::Package`] or a reason to refuse it.

mod accounts;
mod check;
mod deb;
mod error;
mod output;
mod read;
mod reader;
mod rpm;
pub mod rpm_header;
mod scripts;
mod spec;
#[cfg(test)]
mod testing;
pub mod tree;
mod write;

pub use self::{
    error::{PackageFileError, WritePackageError},
    output::WrittenPackage,
    read::{PACKAGE_MAX_BYTES, ReadPackage, read_package},
    spec::{ScriptTexts, Spec},
    write::write_package,
};
