//! After a key was stolen: every rpm that it signed is signed again by the current key.
//!
//! An rpm holds one signature, so the file changes, and with it its digest: `PackageResigned` puts the new file in the
//! old one's place. Debs bear no signature of their own.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{
    digest::Sha256,
    fingerprint::Fingerprint,
    ids::RepositoryId,
    recorded::Revision,
    repository::{Command, Refusal, Repository},
    signing_key::Key,
};
use event_log::execute::{Context, ExecuteError, Executor, LogError};
use futures::{FutureExt as _, StreamExt as _, stream, stream::BoxStream};
use ports::candidates::Candidates;
use stores::blobs::{BlobError, Blobs};
use tracing::info;
use workers::{Action, ActionError, Items, Next, Spec, Worker, on_change};

use super::cause;
use crate::{
    packages::{FinishError, finish},
    signing_keys::{SigningKeys, SigningSet},
};

/// How many packages are listed at a time: what was signed again meanwhile is not listed again.
pub(crate) const RESIGN_BATCH_PACKAGES: usize = 256;

/// Signs rpms again, for ever. Does nothing while no key is stolen.
pub struct Resigner {
    /// Where events are recorded.
    executor: Arc<Executor>,
    /// Where packages are.
    blobs: Blobs,
    /// Who signs, and who must not have.
    keys: SigningKeys,
    /// Which repositories there are.
    candidates: Arc<dyn Candidates>,
    /// Where packages lie while they are signed.
    folder: PathBuf,
    /// The state of each repository in which no package had a stolen key's signature, and of the keys then.
    clean: Mutex<HashMap<RepositoryId, State>>,
}

/// The last change of a repository, and of the signing keys.
type State = (Revision, Revision);

/// Why a package is not signed again yet.
#[derive(Debug, thiserror::Error)]
enum ResignError {
    #[error("cannot read or store the package that is to be signed again")]
    Blob(#[from] BlobError),
    #[error("cannot sign the package again")]
    Finish(#[from] FinishError),
    #[error("cannot use the temporary folder for packages that are signed again")]
    Folder(#[from] std::io::Error),
    #[error("the package's new signature was not recorded in the event log")]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Resigner {
    /// Signs the rpms among `candidates` that bear a stolen key's signature. They lie in `folder` while they are signed.
    #[must_use]
    pub fn new(
        executor: Arc<Executor>,
        blobs: Blobs,
        keys: SigningKeys,
        candidates: Arc<dyn Candidates>,
        folder: PathBuf,
    ) -> Self {
        Self { executor, blobs, keys, candidates, folder, clean: Mutex::default() }
    }
}

/// A row is a repository that may hold packages to be signed again.
impl Worker for Resigner {
    type Key = RepositoryId;
    type Item = State;

    fn spec(&self) -> Spec {
        Spec::looking("signing packages again")
    }

    fn look(&self, items: &mut Items<RepositoryId, State>) {
        let set = self.keys.now();
        let is_needed = set.keys.iter().any(|key| !key.is_trusted());
        let mut due: BTreeMap<RepositoryId, State> = BTreeMap::new();
        if is_needed {
            let clean = self.clean_states();
            let states = self.candidates.yum().into_iter().map(|(id, changed)| (id, (changed, set.revision)));
            due.extend(states.filter(|(id, state)| clean.get(id) != Some(state)));
        }
        items.retain(|repository, _| due.contains_key(repository));
        due.into_iter().for_each(|(repository, state)| items.insert(repository, state));
    }

    fn wake(&self) -> BoxStream<'static, ()> {
        stream::select(on_change(self.candidates.wake()), on_change(self.keys.changes())).boxed()
    }

    fn act(self: Arc<Self>, repository: &RepositoryId, items: &mut Items<RepositoryId, State>) -> Option<Action> {
        let (repository, state) = (*repository, *items.get(repository)?);
        if self.clean_states().get(&repository) == Some(&state) {
            items.remove(&repository);
            return None;
        }
        let cleaning = async move {
            let set = self.keys.now();
            let stolen: Vec<&Key> = set.keys.iter().filter(|key| !key.is_trusted()).collect();
            let failed = |cause| {
                ActionError::new(
                    format!(
                        "cannot sign all packages of {repository} again: some still have the signature of a compromised key"
                    ),
                    cause,
                )
            };
            self.clean(repository, &stolen, &set).await.map_err(failed)?;
            self.clean_states().insert(repository, state);
            Ok(Next::Done)
        };
        Some(cleaning.boxed())
    }
}

impl Resigner {
    fn clean_states(&self) -> MutexGuard<'_, HashMap<RepositoryId, State>> {
        self.clean.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn clean(&self, repository: RepositoryId, stolen: &[&Key], set: &SigningSet) -> Result<(), ResignError> {
        for key in stolen {
            let mut names = vec![Some(&key.fingerprint)];
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
        stolen: Option<&Fingerprint>,
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
            info!(repository.id = %repository, "signed {count} packages of {repository} again");
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
