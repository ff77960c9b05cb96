//! Writing a package file: what goes in, what is refused, and the file that comes out.

#[cfg(test)]
mod tests;

use std::{io::BufWriter, path::Path};

use domain::package::Format;
use tempfile::NamedTempFile;

use super::{
    check, deb,
    error::WritePackageError,
    output::{Hashing, WrittenPackage},
    rpm,
    spec::Spec,
};

/// Writes the package into `folder`, which must exist, and replaces an older file of that name.
///
/// # Errors
/// If the spec breaks a rule of its format, a file of the tree cannot be read or has another length than it says, or
/// the disk is full.
pub fn write_package(spec: &Spec<'_>, folder: &Path) -> Result<WrittenPackage, WritePackageError> {
    check::check(spec)?;
    let mut output = Hashing::new(BufWriter::with_capacity(128 * 1024, NamedTempFile::new_in(folder)?));
    let file_name = match spec.config.format {
        Format::Deb => deb::write(spec, folder, &mut output)?,
        Format::Rpm => rpm::write(spec, folder, &mut output)?,
    };
    output.keep(folder.join(file_name))
}
