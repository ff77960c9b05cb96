//! From an unsigned state of a repository to a signed publication.
//!
//! The worker takes the newest candidate of each repository that has one (several additions coalesce), signs it with every
//! key that signs now, stores the bytes, and records the signatures. Only the recorded event makes a publication: see the
//! projections. When other keys are to sign, every repository's newest state is published again.

mod cause;
mod resign;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::TimeDelta;
use domain::{
    digest::Sha256,
    ids::RepositoryId,
    package::Format,
    repository::{CoSigner, Command, IndexFile, Refusal, Repository, SignedIndex, Stated, Stored},
};
use event_log::{
    event_store::BoxError,
    execute::{Context, ExecuteError, Executor, LogError},
};
use futures::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, try_join_all, try_join3},
    stream::{self, BoxStream},
};
use ports::candidates::{Candidate, Candidates};
use signing::SigningError;
use stores::blobs::{BlobError, Blobs};
use tokio::{
    task::JoinError,
    time::{Instant, timeout},
};
use tracing::{debug, warn};
use workers::{Action, ActionError, Items, Next, Spec, Worker, on_change};

pub use self::resign::Resigner;
use crate::signing_keys::{IndexSigner, SigningKeys, SigningSet};

/// How far a publication's time may run ahead of the clock.
///
/// Publications of one repository are a second apart, so a burst of them runs ahead. apt refuses a `Date` more than
/// 10 s in its future; half of that is left to the client's own clock. Later additions wait and coalesce.
pub(crate) const DATE_LEAD_MAX: TimeDelta = TimeDelta::seconds(5);
/// How long a signed publication may take to show before the next one is tried all the same.
const PROMOTED_WITHIN: Duration = Duration::from_secs(10);
/// Repositories that are published at the same time: while one waits for its disk or its readers, another is signed.
const AT_ONCE_MAX: usize = 4;

/// What signed texts say beside the packages.
pub trait Statements: Send + Sync + 'static {
    /// What that of `repository` is to say now.
    fn of(&self, repository: RepositoryId) -> BoxFuture<'_, Result<Stated, BoxError>>;
}

/// Signs what is unsigned, for ever.
pub struct Publisher {
    /// Where events are recorded.
    pub executor: Arc<Executor>,
    /// Where signed texts and signatures are stored.
    pub blobs: Blobs,
    /// Who signs.
    pub keys: SigningKeys,
    /// What is signed.
    pub candidates: Arc<dyn Candidates>,
    /// What it says beside the packages.
    pub statements: Arc<dyn Statements>,
}

/// Why a state stays unsigned for now.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// What it should say beside the packages is not known.
    #[error("cannot find out which fields the repository's index needs beside its packages")]
    Statement(#[source] BoxError),
    /// The index could not be rendered.
    #[error("cannot render the repository's index")]
    Candidate(#[source] BoxError),
    /// A defect of this program.
    #[error("there is no signing key in use to sign the repository's index")]
    NoSigner,
    /// The signature could not be made.
    #[error("cannot sign the repository's index")]
    Sign(#[from] SigningError),
    /// A defect of this program.
    #[error("the background task that signs the repository's index crashed or was cancelled")]
    BrokeOff(#[from] JoinError),
    /// The bytes could not be stored.
    #[error("cannot store the repository's signed index")]
    Blob(#[from] BlobError),
    /// The event could not be recorded.
    #[error("cannot record the signed index in the event log")]
    Record(#[from] LogError),
    /// The rules say no.
    #[error("the signed index was not recorded in the event log")]
    Refused(#[from] Refusal),
}

/// What is to be signed is in the read models: a row is a repository that they call due.
impl Worker for Publisher {
    type Key = RepositoryId;
    type Item = ();

    fn spec(&self) -> Spec {
        Spec { at_once_max: AT_ONCE_MAX, ..Spec::looking("signing") }
    }

    fn look(&self, items: &mut Items<RepositoryId, ()>) {
        let due = self.candidates.due(&self.keys.now().index_signer_fingerprints());
        let due: BTreeSet<RepositoryId> = due.into_iter().collect();
        items.retain(|repository, ()| due.contains(repository));
        due.into_iter().for_each(|repository| items.insert(repository, ()));
    }

    fn wake(&self) -> BoxStream<'static, ()> {
        stream::select(on_change(self.candidates.wake()), on_change(self.keys.changes())).boxed()
    }

    fn act(self: Arc<Self>, repository: &RepositoryId, items: &mut Items<RepositoryId, ()>) -> Option<Action> {
        let repository = *repository;
        // It may have been published since the last look: by the action before, or by another node.
        if !self.candidates.is_due(repository, &self.keys.now().index_signer_fingerprints()) {
            items.remove(&repository);
            return None;
        }
        let publishing = async move {
            match self.publish(repository).await {
                Ok(None) => Ok(Next::Done),
                Ok(Some(wait)) => Ok(Next::At(Instant::now() + wait)),
                Err(cause) => Err(ActionError::new(format!("cannot publish {repository}"), cause)),
            }
        };
        Some(publishing.boxed())
    }
}

impl Publisher {
    /// Publishes the newest state of `repository`, or says how long to wait first.
    ///
    /// # Errors
    /// See [`PublishError`]. Nothing is published; what was stored is unused space.
    pub async fn publish(&self, repository: RepositoryId) -> Result<Option<Duration>, PublishError> {
        let keys = self.keys.now();
        let stated = self.statements.of(repository).await.map_err(PublishError::Statement)?;
        let candidate = self.candidates.candidate(repository, keys.signers_changed_at, stated).await;
        let candidate = candidate.map_err(PublishError::Candidate)?;
        let lead = candidate.published_at - self.executor.now();
        if let Ok(wait) = (lead - DATE_LEAD_MAX).to_std() {
            return Ok(Some(wait));
        }
        let cause = cause::of_index(self.executor.store().as_ref(), repository, candidate.covers).await;
        let context = Context::of_worker("signing", cause.map_err(LogError::Read)?);
        let index = self.sign(candidate, &keys).await?;
        let (covers, published_at) = (index.covers, index.published_at);
        match self.executor.execute::<Repository>(repository.0, Command::RecordIndexSigned(index), &context).await {
            Ok(_) => debug!(repository.id = %repository, "signed revision {covers} of {repository}"),
            Err(ExecuteError::Refused(Refusal::IndexSuperseded)) => {
                debug!(repository.id = %repository, "another signer was faster for {repository}");
                return Ok(None);
            }
            Err(ExecuteError::Refused(refusal)) => return Err(refusal.into()),
            Err(ExecuteError::Log(error)) => return Err(error.into()),
        }
        // The next candidate must be later than this one, which the projection has to know.
        if timeout(PROMOTED_WITHIN, self.candidates.promoted(repository, published_at)).await.is_err() {
            warn!(repository.id = %repository, "the publication of {repository} is signed and does not show yet");
        }
        Ok(None)
    }

    /// Signs, and stores every byte that the event will name.
    async fn sign(&self, candidate: Candidate, keys: &SigningSet) -> Result<SignedIndex, PublishError> {
        let Candidate { format, covers, published_at, signed_path, text, files, renderer, stated, .. } = candidate;
        let folder = signed_path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let [first, others @ ..] = keys.index_signers.as_slice() else { return Err(PublishError::NoSigner) };
        let signatures = match format {
            // One file holds everyone's signature, and a client is content with any of them.
            Format::Deb => vec![
                (format!("{folder}/InRelease"), Signature::ClearSigned, keys.index_signers.as_slice()),
                (format!("{folder}/Release.gpg"), Signature::Detached, keys.index_signers.as_slice()),
            ],
            // Not here: dnf looks at the first signature of a file, zypper at the last. Each key has a file of its own.
            Format::Rpm => vec![(format!("{folder}/repomd.xml.asc"), Signature::Detached, std::slice::from_ref(first))],
        };
        let co_signing = others.iter().map(|other| {
            let path = (format == Format::Rpm).then(|| format!("key/{}/{folder}/repomd.xml.asc", other.epoch));
            self.co_sign(other, path, text.clone())
        });
        // A signature is milliseconds of computing and a blob is a wait for the disk: all of them at the same time.
        let signing = signatures.into_iter().map(|(path, kind, by)| self.sign_as(path, kind, by, text.clone()));
        let storing = async { Ok(self.store(signed_path, Bytes::from(text.clone())).await?) };
        let (signed, signatures, co_signers) =
            try_join3(storing, try_join_all(signing), try_join_all(co_signing)).await?;
        let key_fingerprint = first.signer.fingerprint();
        Ok(SignedIndex {
            covers,
            published_at,
            signed,
            signatures,
            files,
            key_fingerprint,
            renderer,
            stated: Box::new(stated),
            co_signers,
        })
    }

    async fn co_sign(&self, by: &IndexSigner, path: Option<String>, text: String) -> Result<CoSigner, PublishError> {
        let signature = match path {
            Some(path) => Some(self.sign_as(path, Signature::Detached, std::slice::from_ref(by), text).await?),
            None => None,
        };
        Ok(CoSigner { key_fingerprint: by.signer.fingerprint(), epoch: by.epoch, signature })
    }

    async fn sign_as(
        &self,
        path: String,
        kind: Signature,
        by: &[IndexSigner],
        text: String,
    ) -> Result<IndexFile, PublishError> {
        let signers: Vec<_> = by.iter().map(|one| one.signer.clone()).collect();
        let now = self.executor.now();
        let signing = move || {
            let signers: Vec<&signing::Signer> = signers.iter().map(Arc::as_ref).collect();
            match kind {
                Signature::ClearSigned => signing::clear_sign(&signers, &text, now),
                Signature::Detached => signing::detached(&signers, text.as_bytes(), now),
            }
        };
        let signature = tokio::task::spawn_blocking(signing).await??;
        Ok(self.store(path, Bytes::from(signature)).await?)
    }

    async fn store(&self, path: String, bytes: Bytes) -> Result<IndexFile, BlobError> {
        let size_bytes = bytes.len() as u64;
        let sha256: Sha256 = self.blobs.put_bytes(bytes).await?;
        Ok(IndexFile { path, sha256, size_bytes, stored: Stored::Blob })
    }
}

/// How a text is signed.
#[derive(Debug, Clone, Copy)]
enum Signature {
    /// Text and signature in one file.
    ClearSigned,
    /// The signature alone.
    Detached,
}
