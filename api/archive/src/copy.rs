//! Copying bytes into a new file, hashed on the way.

use std::{
    fs,
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use domain::digest::Sha256;
use sha2::Digest as _;

const PIECE_BYTES: usize = 256 * 1024;

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// How much.
    pub bytes: u64,
    /// Of all of it.
    pub sha256: Sha256,
}

/// Copies `from` to `to`, which appears whole, readable by its owner alone, and only if `accept` says yes to what was copied.
/// It replaces what was there. Whoever calls sees to it that it reaches the disk.
pub(super) fn copy(from: &mut dyn Read, to: &Path, accept: impl FnOnce(Copied) -> bool) -> io::Result<Copied> {
    let folder = to.parent().ok_or_else(|| io::Error::other("it has no folder"))?;
    copy_into(from, folder, |copied| accept(copied).then(|| to.to_owned()))
}

/// The same into `folder`, to the file that `place` names once it is known what was copied; to none if it names none.
pub(super) fn copy_into(
    from: &mut dyn Read,
    folder: &Path,
    place: impl FnOnce(Copied) -> Option<PathBuf>,
) -> io::Result<Copied> {
    // tempfile makes files of mode 0600.
    let mut file = tempfile::Builder::new().prefix(".unfinished-").tempfile_in(folder)?;
    let copied = pass(from, |piece| file.write_all(piece))?;
    if let Some(to) = place(copied) {
        file.persist(to).map_err(|refused| refused.error)?;
    }
    Ok(copied)
}

/// Of all that can be read.
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

/// Makes what lies in `folder`, and whatever else was written to its disk, survive a power cut.
///
/// # Errors
/// The disk refuses.
pub fn sync_disk_of(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(fs::File::open(folder)?)?)
}
