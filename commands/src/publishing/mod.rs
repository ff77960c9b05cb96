//! From an unsigned state of a repository to a signed publication.
//!
//! The worker takes the newest candidate of each repository that has one (several additions coalesce), signs it, stores
//! the bytes, and records the signature. Only the recorded event makes a publication: see the projections.

mod service_key;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    digest::Sha256,
    ids::RepositoryId,
    package::Format,
    recorded::Revision,
    repository::{Command, IndexFile, Refusal, Repository, SignedIndex, Stored},
};
use futures::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, try_join, try_join_all},
    stream,
};
use tokio::{
    sync::watch,
    task::JoinError,
    time::{Instant, timeout},
};
use tracing::{debug, error, warn};

pub use self::service_key::{SERVICE_KEY_PURPOSE, ServiceKeyError, service_key};
use crate::{
    blobs::{BlobError, Blobs},
    causes::Causes,
    event_store::BoxError,
    execute::{Context, ExecuteError, Executor, LogError},
    signing::{Signer, SigningError},
};

/// How far a publication's time may run ahead of the clock.
///
/// Publications of one repository are a second apart, so a burst of them runs ahead. apt refuses a `Date` more than
/// 10 s in its future; half of that is left to the client's own clock. Later additions wait and coalesce.
pub const DATE_LEAD_MAX: TimeDelta = TimeDelta::seconds(5);
/// How long a signed publication may take to show before the next one is tried all the same.
const PROMOTED_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait before a failed publication is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Repositories that are published at the same time: while one waits for its disk or its readers, another is signed.
const AT_ONCE_MAX: usize = 4;

/// The newest state of a repository, rendered: its files are in the blob store, its signed text is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Whose.
    pub repository: RepositoryId,
    /// Deb: clear-signed and detached; rpm: detached.
    pub format: Format,
    /// The state.
    pub covers: Revision,
    /// Later than the publication before, in whole seconds.
    pub published_at: DateTime<Utc>,
    /// Where the text goes: `dists/<codename>/Release`, `repodata/repomd.xml`.
    pub signed_path: String,
    /// What is signed.
    pub text: String,
    /// What `text` lists.
    pub files: Vec<IndexFile>,
    /// The version of the code that rendered it.
    pub renderer: u32,
}

/// Where candidates come from: the projected indexes.
pub trait Candidates: Send + Sync + 'static {
    /// The repositories whose newest state is not signed.
    fn unsigned(&self) -> Vec<RepositoryId>;
    /// Renders the newest state of `repository`.
    fn candidate(&self, repository: RepositoryId) -> BoxFuture<'_, Result<Candidate, BoxError>>;
    /// Returns once the state of `repository` at `covers` is what clients see.
    fn promoted(&self, repository: RepositoryId, covers: Revision) -> BoxFuture<'_, ()>;
    /// Changes whenever `unsigned` may have.
    fn wake(&self) -> watch::Receiver<u64>;
}

/// Signs what is unsigned, for ever.
pub struct Publisher {
    /// Where events are recorded.
    pub executor: Arc<Executor>,
    /// Where signed texts and signatures are stored.
    pub blobs: Blobs,
    /// Who signs.
    pub signer: Arc<Signer>,
    /// What is signed.
    pub candidates: Arc<dyn Candidates>,
}

/// Why a state stays unsigned for now.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The index could not be rendered.
    #[error("cannot render the index")]
    Candidate(#[source] BoxError),
    /// The signature could not be made.
    #[error("cannot sign the index")]
    Sign(#[from] SigningError),
    /// A defect of this program.
    #[error("signing the index broke off")]
    BrokeOff(#[from] JoinError),
    /// The bytes could not be stored.
    #[error("cannot store the index")]
    Blob(#[from] BlobError),
    /// The event could not be recorded.
    #[error("cannot record the signature")]
    Record(#[from] LogError),
    /// The rules say no.
    #[error("the signature is not recorded")]
    Refused(#[from] Refusal),
}

impl Publisher {
    /// Runs until it is dropped.
    pub async fn run(self) {
        let mut wake = self.candidates.wake();
        let mut not_before: BTreeMap<RepositoryId, Instant> = BTreeMap::new();
        loop {
            wake.mark_unchanged();
            let now = Instant::now();
            not_before.retain(|_, at| *at > now);
            let mut due = self.candidates.unsigned();
            due.retain(|repository| !not_before.contains_key(repository));
            let mut outcomes = stream::iter(due)
                .map(|repository| self.publish(repository).map(move |outcome| (repository, outcome)))
                .buffer_unordered(AT_ONCE_MAX);
            while let Some((repository, outcome)) = outcomes.next().await {
                let wait = match outcome {
                    Ok(None) => continue,
                    Ok(Some(wait)) => wait,
                    Err(cause) => {
                        error!(repository.id = %repository, error = %Causes(&cause), "cannot publish {repository}");
                        RETRY_AFTER
                    }
                };
                not_before.insert(repository, Instant::now() + wait);
            }
            tokio::select! {
                changed = wake.changed() => if changed.is_err() { return },
                () = earliest(&not_before) => {}
            }
        }
    }

    /// Publishes the newest state of `repository`, or says how long to wait first.
    ///
    /// # Errors
    /// See [`PublishError`]. Nothing is published; what was stored is unused space.
    pub async fn publish(&self, repository: RepositoryId) -> Result<Option<Duration>, PublishError> {
        let candidate = self.candidates.candidate(repository).await.map_err(PublishError::Candidate)?;
        let lead = candidate.published_at - self.executor.now();
        if let Ok(wait) = (lead - DATE_LEAD_MAX).to_std() {
            return Ok(Some(wait));
        }
        let index = self.sign(candidate).await?;
        let context = Context::of_worker("signing", None);
        let covers = index.covers;
        match self.executor.execute::<Repository>(repository.0, Command::RecordIndexSigned(index), &context).await {
            Ok(_) => debug!(repository.id = %repository, "signed revision {covers} of {repository}"),
            Err(ExecuteError::Refused(Refusal::IndexSuperseded)) => {
                debug!(repository.id = %repository, "another signer was faster for {repository}");
            }
            Err(ExecuteError::Refused(refusal)) => return Err(refusal.into()),
            Err(ExecuteError::Log(error)) => return Err(error.into()),
        }
        // The next candidate must be later than this one, which the projection has to know.
        if timeout(PROMOTED_WITHIN, self.candidates.promoted(repository, covers)).await.is_err() {
            warn!(repository.id = %repository, "the publication of {repository} is signed and does not show yet");
        }
        Ok(None)
    }

    /// Signs, and stores every byte that the event will name.
    async fn sign(&self, candidate: Candidate) -> Result<SignedIndex, PublishError> {
        let Candidate { format, covers, published_at, signed_path, text, files, renderer, .. } = candidate;
        let folder = signed_path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let signatures = match format {
            Format::Deb => vec![
                (format!("{folder}/InRelease"), Signature::ClearSigned),
                (format!("{folder}/Release.gpg"), Signature::Detached),
            ],
            Format::Rpm => vec![(format!("{folder}/repomd.xml.asc"), Signature::Detached)],
        };
        // A signature is milliseconds of computing and a blob is a wait for the disk: all of them at the same time.
        let signing = signatures.into_iter().map(|(path, kind)| self.sign_as(path, kind, text.clone()));
        let storing = async { Ok(self.store(signed_path, Bytes::from(text.clone())).await?) };
        let (signed, signatures) = try_join(storing, try_join_all(signing)).await?;
        let key_fingerprint = self.signer.fingerprint();
        Ok(SignedIndex { covers, published_at, signed, signatures, files, key_fingerprint, renderer })
    }

    async fn sign_as(&self, path: String, kind: Signature, text: String) -> Result<IndexFile, PublishError> {
        let (signer, now) = (self.signer.clone(), self.executor.now());
        let signing = move || match kind {
            Signature::ClearSigned => signer.clear_sign(&text, now),
            Signature::Detached => signer.detached(text.as_bytes(), now),
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

async fn earliest(not_before: &BTreeMap<RepositoryId, Instant>) {
    match not_before.values().min() {
        Some(at) => tokio::time::sleep_until(*at).await,
        None => std::future::pending().await,
    }
}
