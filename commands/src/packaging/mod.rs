//! Package files: writing debs and rpms from a tree, and reading what a package file says of itself.
//!
//! Everything here is synchronous and reads or writes whole files: call it from `spawn_blocking`.
//!
//! - [`write_package`] turns a [`Spec`] into a file. The same spec gives the same bytes, whenever and wherever it is
//!   written: no clock, host name, umask, user id or file time gets in.
//! - [`read_package`] turns a file, however hostile, into a [`domain::package::Package`] or a reason to refuse it.

mod accounts;
mod check;
mod deb;
mod read;
mod rpm;
mod scripts;
#[cfg(test)]
mod testing;
pub mod tree;
mod write;

pub use self::{
    check::{TREE_MAX_BYTES, TREE_MAX_ENTRIES},
    read::{FACTS_MAX_BYTES, PACKAGE_MAX_BYTES, PackageFileError, ReadPackage, read_package},
    scripts::ScriptTexts,
    write::{Spec, WritePackageError, WrittenPackage, write_package},
};
