//! One repository's installer: made if what is there is outdated, put into the repository, and recorded last.

use domain::{
    digest::Sha256,
    keyring::{self, Keyring},
    names::InvalidName,
    repository::{self, Repository},
};
use event_log::{
    event_store::BoxError,
    execute::{Context, ExecuteError, LogError},
};
use stores::blobs::BlobError;
use tokio::task::{JoinError, spawn_blocking};
use tracing::{debug, warn};

use super::{
    Holds, InstallerOf, InstallerPackageError, InstallerPublisher, PublishedInstaller, WORKER, pack,
    package::PACKAGING, repositories::Known,
};
use crate::packages::{FinishError, finish};

/// How many numbers are tried if the repository has packages of those numbers without an event. A crash leaves one such
/// package, and only if the content changes before the next start.
const NUMBERS_TRIED_MAX: u32 = 100;

/// Why a repository's installer stays as it is for now.
#[derive(Debug, thiserror::Error)]
pub enum PublishInstallerError {
    /// The script could not be written.
    #[error("cannot write the installer's script")]
    Script(#[source] BoxError),
    /// The package could not be written.
    #[error("cannot make the installer's package")]
    Package(#[from] InstallerPackageError),
    /// The package could not be signed.
    #[error("cannot read or sign the installer's package")]
    Finish(#[from] FinishError),
    /// A defect of this program.
    #[error("the background task that writes the installer's package crashed or was cancelled")]
    BrokeOff(#[from] JoinError),
    /// The folder could not be made.
    #[error("cannot make a temporary folder for the installer's package")]
    Folder(#[from] std::io::Error),
    /// The package could not be stored.
    #[error("cannot store the installer's package in the blob store")]
    Blob(#[from] BlobError),
    /// The repository does not take it.
    #[error("the repository does not accept the installer's package")]
    Refused(#[from] repository::Refusal),
    /// The rules say no.
    #[error("the installer was not recorded in the event log")]
    NotRecorded(#[from] keyring::Refusal),
    /// The log did not do its part.
    #[error("cannot record the installer in the event log")]
    Record(#[from] LogError),
}

impl InstallerPublisher {
    /// Publishes a new version unless the newest one has the content that it should have.
    pub(super) async fn bring_up_to_date(&self, known: &Known) -> Result<(), PublishInstallerError> {
        let of = &known.of;
        if let Err(too_long) = of.package_name() {
            return self.is_impossible(known, &too_long);
        }
        let script = self.scripts.script(of, known.generation).map_err(PublishInstallerError::Script)?;
        let content = Sha256::of(format!("{PACKAGING}\0{script}").as_bytes());
        if known.newest.is_some_and(|newest| newest.content == content) {
            return Ok(());
        }
        let mut number = known.newest.map_or(1, |newest| newest.number + 1);
        let last = number.saturating_add(NUMBERS_TRIED_MAX);
        loop {
            match self.add(known, number, &script, content).await {
                Err(PublishInstallerError::Refused(repository::Refusal::PackageDiffers { .. })) if number < last => {
                    number += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// Bytes first, then the package in the repository, then the event: an installer that an event names can be installed.
    async fn add(
        &self,
        known: &Known,
        number: u32,
        script: &str,
        content: Sha256,
    ) -> Result<(), PublishInstallerError> {
        let folder = tempfile::tempdir_in(&self.folder)?;
        let (of, script, path) = (known.of.clone(), script.to_owned(), folder.path().to_owned());
        let written = spawn_blocking(move || pack(&of, number, Holds::NoKey, &script, &path)).await??;
        let finished = finish(written.path, self.keys.now().current.clone()).await?;
        finished.store(&self.blobs).await?;
        let (repository, context) = (known.of.repository, Context::of_worker(WORKER, Some(known.because)));
        let sha256 = finished.package.sha256;
        let add = repository::Command::AddInstaller {
            package: Box::new(finished.package),
            key_fingerprint: finished.key_fingerprint,
        };
        let added = self.executor.execute::<Repository>(repository.0, add, &context).await.map_err(refused)?;
        let record = keyring::Command::RecordInstaller { number, sha256, generation: known.generation, content };
        match self.executor.execute::<Keyring>(repository.0, record, &context).await {
            Ok(_) => debug!(repository.id = %repository, "published installer {number} of {repository}"),
            Err(ExecuteError::Refused(keyring::Refusal::InstallerSuperseded)) => {
                debug!(repository.id = %repository, "another publisher was faster for {repository}");
            }
            Err(ExecuteError::Refused(refusal)) => return Err(refusal.into()),
            Err(ExecuteError::Log(error)) => return Err(error.into()),
        }
        self.published.set(repository, PublishedInstaller::Number(number), Some(added.revision));
        Ok(())
    }

    fn is_impossible(&self, known: &Known, cause: &InvalidName) -> Result<(), PublishInstallerError> {
        let InstallerOf { repository, organisation, name, .. } = &known.of;
        warn!(repository.id = %repository, error = %cause, "{organisation}/{name} has no installer in the repository");
        self.published.set(*repository, PublishedInstaller::Impossible, None);
        Ok(())
    }
}

fn refused(error: ExecuteError<repository::Refusal>) -> PublishInstallerError {
    match error {
        ExecuteError::Refused(refusal) => refusal.into(),
        ExecuteError::Log(error) => error.into(),
    }
}
