//! Private files that are either complete or absent, even after a power cut.

use std::{
    fs::{self, DirBuilder, File, Metadata},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use super::error::SecretsError;

/// Makes `folder` with mode 0700, or checks that an existing one is as private.
pub(super) fn create_private_folder(folder: &Path) -> Result<(), SecretsError> {
    let failed = |source| SecretsError::Io { action: "create", path: folder.into(), source };
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        sync_parent(folder).map_err(failed)?;
    }
    refuse_if_open_to_others(folder, &fs::metadata(folder).map_err(failed)?, 0o700)
}

/// A secret that others may read is no secret.
pub(super) fn refuse_if_open_to_others(path: &Path, metadata: &Metadata, expected: u32) -> Result<(), SecretsError> {
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(SecretsError::TooOpen { path: path.into(), mode, expected }) }
}

/// Writes a file of mode 0600 that did not exist. Readers never see a part of it.
pub(super) fn write_new_private_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // tempfile makes files of mode 0600.
    let mut file = tempfile::Builder::new().prefix(".unfinished-").tempfile_in(parent(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|refused| refused.error)?;
    sync_parent(path)
}

/// Removes a file for good.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_parent(path)
}

/// Writes zeros over all of a file.
pub(super) fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    let length = file.metadata()?.len();
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    file.sync_all()
}

/// Reads a file and one byte more than `max_bytes` if it is longer: no file fills the memory.
pub(super) fn read_at_most(path: &Path, max_bytes: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(max_bytes.min(8 * 1024) + 1);
    File::open(path)?.take(max_bytes as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A new name is durable once its folder is.
fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent(path))?.sync_all()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
