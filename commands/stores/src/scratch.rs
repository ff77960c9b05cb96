//! Temporary files of a command. They are removed when the command ends or, if it was killed, by the next command that
//! needs some or by the next start of the server: copies of secrets or of personal data must not stay behind.

#[cfg(test)]
mod tests;

use std::{
    fs::{DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};

use tempfile::TempDir;

/// Where they are, in the data folder.
const FOLDER: &str = "scratch";

/// A temporary folder of one command. It is removed when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    // Held until the process ends, in whatever way.
    _held: File,
}

impl Scratch {
    /// Makes one below `data`, and removes those whose processes have ended.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn new(data: &Path) -> io::Result<Self> {
        let _turn = sweep(data)?;
        // A temporary folder can be entered by its owner alone.
        let folder = tempfile::tempdir_in(data.join(FOLDER))?;
        let held = File::open(folder.path())?;
        held.lock()?;
        Ok(Self { folder, _held: held })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the folders of commands that were killed.
///
/// # Errors
/// The disk refuses.
pub fn clear(data: &Path) -> io::Result<()> {
    sweep(data).map(drop)
}

/// While the returned lock is held, no other process makes or removes a folder.
fn sweep(data: &Path) -> io::Result<File> {
    let all = data.join(FOLDER);
    DirBuilder::new().recursive(true).mode(0o700).create(&all)?;
    let turn = File::open(&all)?;
    turn.lock()?;
    for entry in all.read_dir()? {
        let path = entry?.path();
        let open = match File::open(&path) {
            // Its command has ended meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            open => open?,
        };
        match open.try_lock() {
            Ok(()) => std::fs::remove_dir_all(&path)?,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(turn)
}
