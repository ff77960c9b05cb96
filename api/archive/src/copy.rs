//! Copies bytes into a new file, and hashes them.

use std::{
    fs,
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use domain::digest::Sha256;
use sha2::Digest as _;

const PIECE_BYTES: usize = 256 * 1024;

/// The size and digest of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Its size in bytes.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// Copies `from` to `to` atomically, if `accept` accepts the copy. The file is readable only by its owner and replaces an existing
/// one. The caller must flush it to disk.
pub(super) fn copy(from: &mut dyn Read, to: &Path, accept: impl FnOnce(Copied) -> bool) -> io::Result<Copied> {
    let folder = to.parent().ok_or_else(|| io::Error::other("the path has no parent folder"))?;
    copy_into(from, folder, |copied| accept(copied).then(|| to.to_owned()))
}

/// The same into `folder`: `place` chooses the file's name when the size and digest are known, or rejects the copy with `None`.
pub(super) fn copy_into(
    from: &mut dyn Read,
    folder: &Path,
    place: impl FnOnce(Copied) -> Option<PathBuf>,
) -> io::Result<Copied> {
    // tempfile creates files with mode 0600.
    let mut file = tempfile::Builder::new().prefix(".unfinished-").tempfile_in(folder)?;
    let copied = pass(from, |piece| file.write_all(piece))?;
    if let Some(to) = place(copied) {
        file.persist(to).map_err(|refused| refused.error)?;
    }
    Ok(copied)
}

/// The size and digest of everything that can be read.
pub(super) fn digest_of(from: &mut dyn Read) -> io::Result<Sha256> {
    Ok(pass(from, |_| Ok(()))?.sha256)
}

fn pass(from: &mut dyn Read, mut to: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<Copied> {
    let mut hasher = sha2::Sha256::new();
    let mut bytes = 0;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            return Ok(Copied { bytes, sha256: Sha256(hasher.finalize().into()) });
        }
        hasher.update(&piece[..read]);
        to(&piece[..read])?;
        bytes += read as u64;
    }
}

/// Flushes the disk of `folder`, so that everything written to it survives a power cut.
///
/// # Errors
/// An I/O error.
pub fn sync_disk_of(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(fs::File::open(folder)?)?)
}
