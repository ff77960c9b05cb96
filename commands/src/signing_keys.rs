//! The service's signing keys at work: who signs now, what machines should trust now, and the way from one key to the
//! next.
//!
//! [`SigningKeys`] is the cheap handle that everybody holds. What it says is folded from the log: the same after a restart,
//! and on every node.

pub mod health;
mod make;
mod public;
mod set;
#[cfg(test)]
mod tests;
mod trusted;
mod worker;

use std::sync::Arc;

use domain::{
    aggregate::Aggregate as _,
    event,
    fingerprint::Fingerprint,
    ids::SigningKeyId,
    recorded::{Revision, StreamId},
    signing_key::{Command, Event, NewKey, Refusal, SigningKey},
};
use tokio::sync::{Mutex, watch};

use self::set::Folded;
pub use self::{
    make::Making,
    public::PublicKeys,
    set::{IndexSigner, SigningSet},
    trusted::{TrustedCertificate, TrustedCertificates},
};
use event_log::{
    event_store::{EventStore, PAGE_EVENTS_MAX},
    execute::{Context, ExecuteError, Executor, LogError},
};
use signing::{SigningError, VerifyError};
use stores::{
    blocking::BrokeOff,
    secrets::{Secrets, SecretsError},
};

/// Why the signing keys cannot be used, or are not changed.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// A key could not be made or read.
    #[error("cannot use the server's signing key")]
    Key(#[from] SigningError),
    /// A recorded certificate cannot be read.
    #[error("cannot read the certificate of a signing key")]
    Certificate(#[from] VerifyError),
    /// It could not be sealed or unsealed.
    #[error("cannot seal or open the server's signing key")]
    Secret(#[from] SecretsError),
    /// What lies there is another key than the log says.
    #[error("the server's sealed signing key is not the one in the event log: expected {expected}, found {sealed}")]
    OtherKey {
        /// By the log.
        expected: Fingerprint,
        /// By the secret store.
        sealed: Fingerprint,
    },
    /// A defect of this program.
    #[error("the background task that makes or opens the server's signing key crashed or was cancelled")]
    BrokeOff(#[from] BrokeOff),
    /// The log cannot be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The log holds no key.
    #[error("the server has no signing key yet")]
    None,
}

impl From<ExecuteError<Refusal>> for SigningKeysError {
    fn from(error: ExecuteError<Refusal>) -> Self {
        match error {
            ExecuteError::Refused(refusal) => Self::Refused(refusal),
            ExecuteError::Log(error) => Self::Log(error),
        }
    }
}

/// The signing keys. Cheap to clone.
#[derive(Clone)]
pub struct SigningKeys(Arc<Inner>);

struct Inner {
    executor: Arc<Executor>,
    secrets: Arc<Secrets>,
    making: Making,
    /// What was folded so far. It is locked while more is read, so that an older state never follows a newer one.
    folded: Mutex<Folded>,
    set: watch::Sender<Arc<SigningSet>>,
}

impl SigningKeys {
    /// The signing keys as the log has them; makes the first one if there is none yet, which takes seconds.
    ///
    /// # Errors
    /// See [`SigningKeysError`]. A sealed key that does not match the announced one is refused.
    pub async fn open(
        executor: Arc<Executor>,
        secrets: Arc<Secrets>,
        making: Making,
    ) -> Result<Self, SigningKeysError> {
        make::first_key(&executor, &secrets, &making).await?;
        let mut folded = Folded::default();
        read_on(&**executor.store(), &mut folded).await?;
        let set = Arc::new(SigningSet::load(&folded, &secrets, None).await?);
        let (folded, set) = (Mutex::new(folded), watch::Sender::new(set));
        Ok(Self(Arc::new(Inner { executor, secrets, making, folded, set })))
    }

    /// Who signs now.
    #[must_use]
    pub fn now(&self) -> Arc<SigningSet> {
        self.0.set.borrow().clone()
    }

    /// Changes whenever a key takes another place.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<SigningSet>> {
        self.0.set.subscribe()
    }

    /// What machines should trust, now and whenever it changes.
    #[must_use]
    pub fn trusted(&self) -> TrustedCertificates {
        TrustedCertificates::of(self.changes())
    }

    /// Makes and seals the next key, and announces it to machines. Takes seconds.
    ///
    /// # Errors
    /// `Refused` if a rotation is under way.
    pub async fn prepare_next(&self, context: &Context) -> Result<(), SigningKeysError> {
        let refused = {
            let Inner { executor, .. } = &*self.0;
            // Asked of the rules first: a key is made only if it would be taken.
            let probe = NewKey {
                fingerprint: Fingerprint::recorded(""),
                certificate: String::new(),
                secret: domain::ids::SecretId(uuid::Uuid::nil()),
                expires_at: None,
            };
            let ask = Command::AnnounceNext(probe);
            executor.inspect::<SigningKey, _>(SigningKeyId::service().0, |keys, _| keys.decide(ask).err()).await?
        };
        if let Some(refusal) = refused {
            return Err(refusal.into());
        }
        self.run_with_new_key(Command::AnnounceNext, context).await
    }

    /// Lets the next key sign indexes beside the current one.
    ///
    /// # Errors
    /// `Refused` if there is no next key.
    pub async fn begin_overlap(&self, context: &Context) -> Result<(), SigningKeysError> {
        self.run_command(Command::BeginOverlap, context).await
    }

    /// Lets the next key sign alone.
    ///
    /// # Errors
    /// `Refused` unless both sign already.
    pub async fn cut_over(&self, context: &Context) -> Result<(), SigningKeysError> {
        self.run_command(Command::CutOver, context).await
    }

    /// Is done with a key that was replaced: its private part is deleted soon after.
    ///
    /// # Errors
    /// `Refused` if the key is in use.
    pub async fn retire(&self, fingerprint: Fingerprint, context: &Context) -> Result<(), SigningKeysError> {
        self.run_command(Command::Retire { fingerprint }, context).await
    }

    /// Trusts nothing any more that the key signed. If no other key can follow it, one is made, which takes seconds.
    ///
    /// # Errors
    /// `Refused` if there is no such key.
    pub async fn declare_compromised(
        &self,
        fingerprint: Fingerprint,
        context: &Context,
    ) -> Result<(), SigningKeysError> {
        let without = Command::DeclareCompromised { fingerprint: fingerprint.clone(), replacement: None };
        match self.run_command(without, context).await {
            Err(SigningKeysError::Refused(Refusal::NoReplacement)) => {}
            answer => return answer,
        }
        let with = |key| Command::DeclareCompromised { fingerprint, replacement: Some(key) };
        self.run_with_new_key(with, context).await
    }

    /// Makes a key for a command. If the command does not take it because another was faster, the key is deleted.
    async fn run_with_new_key(
        &self,
        command: impl FnOnce(NewKey) -> Command,
        context: &Context,
    ) -> Result<(), SigningKeysError> {
        let key = make::new_key(&self.0.secrets, &self.0.making, self.0.executor.now()).await?;
        let (id, fingerprint) = (key.secret.0, key.fingerprint.clone());
        let outcome = self.run_command(command(key), context).await;
        let is_taken = || self.now().keys.iter().any(|key| key.fingerprint == fingerprint);
        let is_unused = match &outcome {
            Ok(()) => !is_taken(),
            Err(SigningKeysError::Refused(_)) => true,
            // It may be recorded all the same.
            Err(_) => false,
        };
        if is_unused {
            self.0.secrets.delete(id).await?;
        }
        outcome
    }

    /// When this has returned, [`Self::now`] shows what the command changed.
    async fn run_command(&self, command: Command, context: &Context) -> Result<(), SigningKeysError> {
        let id = SigningKeyId::service().0;
        self.0.executor.execute::<SigningKey>(id, command, context).await?;
        self.refresh().await
    }

    /// Reads on in the log, and tells everybody if something changed.
    async fn refresh(&self) -> Result<(), SigningKeysError> {
        let Inner { executor, secrets, folded, set, .. } = &*self.0;
        let mut folded = folded.lock().await;
        read_on(&**executor.store(), &mut folded).await?;
        let before = self.now();
        if before.revision < folded.revision {
            let loaded = SigningSet::load(&folded, secrets, Some(&before)).await?;
            set.send_replace(Arc::new(loaded));
        }
        Ok(())
    }
}

/// Folds in what the log holds beyond `folded`.
async fn read_on(store: &dyn EventStore, folded: &mut Folded) -> Result<(), LogError> {
    let stream = StreamId::new(SigningKey::KIND, SigningKeyId::service().0);
    loop {
        let page = store.read_stream(&stream, folded.revision, PAGE_EVENTS_MAX).await?;
        if page.is_empty() {
            return Ok(());
        }
        for recorded in page {
            let event =
                event::decode(&recorded.event).map_err(|source| LogError::Decode { stream: stream.clone(), source })?;
            if let Ok(event) = Event::try_from(event) {
                folded.fold(&event, recorded.metadata.recorded_at);
            }
            folded.revision = Revision(recorded.revision.0);
        }
    }
}
