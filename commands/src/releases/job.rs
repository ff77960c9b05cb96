//! The folder a running release works in.

use std::{
    io,
    path::{Path, PathBuf},
};

use domain::ids::ReleaseId;

/// A folder of one release, empty at first and gone with this value.
///
/// What it held is either in the blob store and named by an event, or made again by the next attempt.
pub(super) struct JobFolder(PathBuf);

impl JobFolder {
    /// Makes the folder anew; what an interrupted attempt left in it is removed.
    pub(super) fn create(jobs: &Path, release: ReleaseId) -> io::Result<Self> {
        let path = jobs.join(release.to_string());
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A folder in it.
    pub(super) fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }
}

impl Drop for JobFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "cannot remove a release's folder");
        }
    }
}

/// Where the log of the `index`-th package of a running release is written as it comes.
#[must_use]
pub fn live_log(jobs: &Path, release: ReleaseId, index: usize) -> PathBuf {
    jobs.join(release.to_string()).join(format!("{index}.log"))
}
