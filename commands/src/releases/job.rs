//! The folder a running release works in.

#[cfg(test)]
mod tests;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use domain::{digest::Sha256, ids::ReleaseId};
use tokio::{runtime::Handle, task::spawn_blocking};
use uuid::Uuid;

/// A folder of one release, empty at first and gone with this value.
///
/// What it held is either in the blob store and named by an event, or made again by the next attempt.
pub(super) struct JobFolder(PathBuf);

impl JobFolder {
    /// Creates the folder again; what an interrupted attempt left in it is removed.
    pub(super) async fn create(jobs: &Path, release: ReleaseId) -> io::Result<Self> {
        let path = jobs.join(release.to_string());
        spawn_blocking(move || create_now(path)).await.map_err(io::Error::other)?
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Where the built file of this digest lies, if it was built or fetched by this attempt.
    pub(super) fn built(&self, sha256: Sha256) -> PathBuf {
        self.path(&format!("{sha256}.built"))
    }
}

fn create_now(path: PathBuf) -> io::Result<JobFolder> {
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir_all(&path)?;
    Ok(JobFolder(path))
}

impl Drop for JobFolder {
    /// Moves the folder aside, so that the next attempt can create it again, and removes it on a thread that may block: a
    /// checkout holds many files.
    fn drop(&mut self) {
        let aside = self.0.with_extension(format!("{}.gone", Uuid::now_v7()));
        if let Err(error) = fs::rename(&self.0, &aside) {
            tracing::warn!(%error, folder = %self.0.display(), "cannot move a release's folder aside");
            return;
        }
        let remove = move || {
            if let Err(error) = fs::remove_dir_all(&aside) {
                tracing::warn!(%error, folder = %aside.display(), "cannot remove a release's folder");
            }
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// Where the log of the `index`-th package of a running release is written as it comes.
#[must_use]
pub fn live_log(jobs: &Path, release: ReleaseId, index: usize) -> PathBuf {
    jobs.join(release.to_string()).join(format!("{index}.log"))
}
