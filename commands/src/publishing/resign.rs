//! After a key was stolen: every rpm that bears its signature is signed anew by the current key.
//!
//! An rpm holds one signature, so the file changes, and with it its digest: `PackageResigned` puts the new file in the
//! old one's place. Debs bear no signature of their own.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use domain::{
    digest::Sha256,
    error_chain::ErrorChain,
    ids::RepositoryId,
    recorded::Revision,
    repository::{Command, Refusal, Repository},
    signing_key::Key,
};
use event_log::execute::{Context, ExecuteError, Executor, LogError};
use stores::blobs::{BlobError, Blobs};
use tokio::time::sleep;
use tracing::{error, info};

use super::{Candidates, cause};
use crate::{
    packages::{FinishError, finish},
    signing_keys::{SigningKeys, SigningSet},
};

/// How many packages are listed at a time: what is signed anew while the list is worked on is not listed again.
pub const RESIGN_BATCH_PACKAGES: usize = 256;
/// How long to wait before what failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Signs rpms anew, for ever. Does nothing as long as no key was stolen.
pub struct Resigner {
    /// Where events are recorded.
    pub executor: Arc<Executor>,
    /// Where packages are.
    pub blobs: Blobs,
    /// Who signs, and who must not have.
    pub keys: SigningKeys,
    /// Which repositories there are.
    pub candidates: Arc<dyn Candidates>,
    /// Where packages lie while they are signed.
    pub folder: PathBuf,
}

/// Why a package is not signed anew yet.
#[derive(Debug, thiserror::Error)]
enum ResignError {
    #[error("cannot fetch or store the package")]
    Blob(#[from] BlobError),
    #[error("cannot sign the package")]
    Finish(#[from] FinishError),
    #[error("cannot work in the folder for packages")]
    Folder(#[from] std::io::Error),
    #[error("the package's new signature is not recorded")]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Resigner {
    /// Runs until it is dropped.
    pub async fn run(self) {
        let mut wake = self.candidates.wake();
        let mut keys = self.keys.changes();
        // The state of each repository in which nothing bore a stolen key's signature, and of the keys then.
        let mut clean: HashMap<RepositoryId, (Revision, Revision)> = HashMap::new();
        loop {
            wake.mark_unchanged();
            let set = keys.borrow_and_update().clone();
            let stolen: Vec<&Key> = set.keys.iter().filter(|key| !key.is_trusted()).collect();
            if stolen.is_empty() {
                if keys.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let mut failed = false;
            for (repository, changed) in self.candidates.yum() {
                let state = (changed, set.revision);
                if clean.get(&repository) == Some(&state) {
                    continue;
                }
                match self.clean(repository, &stolen, &set).await {
                    Ok(()) => drop(clean.insert(repository, state)),
                    Err(cause) => {
                        error!(repository.id = %repository, error = %ErrorChain(&cause), "packages of {repository} still bear a stolen key's signature");
                        failed = true;
                    }
                }
            }
            tokio::select! {
                changed = wake.changed() => if changed.is_err() { return },
                changed = keys.changed() => if changed.is_err() { return },
                () = sleep(RETRY_AFTER), if failed => {}
            }
        }
    }

    async fn clean(&self, repository: RepositoryId, stolen: &[&Key], set: &SigningSet) -> Result<(), ResignError> {
        for key in stolen {
            let mut names = vec![Some(key.fingerprint.as_str())];
            // Before keys could follow each other, events did not say which one signed: it was the first.
            names.extend((key.epoch == 1).then_some(None));
            for name in names {
                self.resign_all(repository, name, set).await?;
            }
        }
        Ok(())
    }

    async fn resign_all(
        &self,
        repository: RepositoryId,
        stolen: Option<&str>,
        set: &SigningSet,
    ) -> Result<(), ResignError> {
        loop {
            let list = |repository: &Repository, _| repository.signed_by(stolen, RESIGN_BATCH_PACKAGES);
            let batch = self.executor.inspect::<Repository, _>(repository.0, list).await?;
            if batch.is_empty() {
                return Ok(());
            }
            let count = batch.len();
            for file in batch {
                self.resign(repository, file, set).await?;
            }
            info!(repository.id = %repository, "signed {count} packages of {repository} anew");
        }
    }

    /// Bytes first, event last. Signing the same file again gives the same bytes.
    async fn resign(&self, repository: RepositoryId, replaces: Sha256, set: &SigningSet) -> Result<(), ResignError> {
        let folder = in_folder(&self.folder)?;
        let file = folder.path().join("package.rpm");
        self.blobs.download(replaces, &file).await?;
        let finished = finish(file, set.current.clone()).await?;
        finished.store(&self.blobs).await?;
        let package = Box::new(finished.package);
        let command = Command::ResignPackage { replaces, package, key_fingerprint: set.current.fingerprint() };
        let cause = cause::of_keys(self.executor.store().as_ref()).await.map_err(LogError::Read)?;
        let context = Context::of_worker("signing", cause);
        match self.executor.execute::<Repository>(repository.0, command, &context).await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Refused(refusal)) => Err(refusal.into()),
            Err(ExecuteError::Log(error)) => Err(error.into()),
        }
    }
}

fn in_folder(folder: &Path) -> std::io::Result<tempfile::TempDir> {
    std::fs::create_dir_all(folder)?;
    tempfile::TempDir::new_in(folder)
}
