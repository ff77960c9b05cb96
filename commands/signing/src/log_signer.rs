//! Signing checkpoints of the transparency logs with a separate key, and never two that contradict each other.
//!
//! The state that was signed last is stored in a file beside the secrets, written before the signature is returned. A
//! log that does not continue it, after a restore from an old backup or after tampering, is refused until an operator
//! acts.

mod key;
mod last_signed;
#[cfg(test)]
mod tests;
mod verify;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex as SyncMutex, PoisonError},
};

use domain::{
    checkpoint::{Checkpoint, LogName, LogState, Note, VerifierKey},
    digest::Sha256,
    names::OrganisationName,
};
use ports::trees::Trees;
use tokio::sync::Mutex;

use self::key::LogKey;
pub use self::{key::LogKeyError, last_signed::signed_states, verify::is_signed_by};
use event_log::{event_store::BoxError, execute::Executor};
use stores::{
    blocking::{BrokeOff, blocking},
    secrets::Secrets,
};

/// Why a log's checkpoint is not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignLogError {
    /// It is not the log that was signed before.
    #[error(
        "the transparency log {origin} does not continue what was signed, {signed} entries with root {root}, and \
         has {has} entries now: restore the newest backup of the event log, or start an event log under another name"
    )]
    Fork {
        /// Which.
        origin: String,
        /// How many entries it had.
        signed: u64,
        /// With this root.
        root: Sha256,
        /// How many it has now.
        has: u64,
    },
    /// The tree cannot be read.
    #[error("cannot read the transparency log")]
    Tree(#[source] BoxError),
    /// The state that was signed last cannot be read or written.
    #[error("cannot read or write the last signed state of a transparency log, {}", path.display())]
    Kept {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A defect of this program.
    #[error("the background task that signs a checkpoint crashed or was cancelled")]
    BrokeOff(#[from] BrokeOff),
}

/// Signs checkpoints. Cheap to clone.
#[derive(Clone)]
pub struct LogSigner(Arc<Inner>);

struct Inner {
    key: LogKey,
    trees: Arc<dyn Trees>,
    folder: PathBuf,
    /// The newest note of each log.
    newest: SyncMutex<HashMap<LogName, Arc<Mutex<Newest>>>>,
}

/// The newest note of one log, if one was signed since the start. Its lock is held while signing, so that each
/// state of the log continues the one before. Logs do not wait for each other.
type Newest = Option<(LogState, String)>;

impl Inner {
    fn newest(&self, log: LogName) -> Arc<Mutex<Newest>> {
        Arc::clone(self.newest.lock().unwrap_or_else(PoisonError::into_inner).entry(log).or_default())
    }
}

impl LogSigner {
    /// The key as the log and the secret store have it; created if there is none yet, for logs at `host`. The last
    /// signed states are stored in `folder`.
    ///
    /// # Errors
    /// See [`LogKeyError`].
    pub async fn open(
        executor: &Executor,
        secrets: &Arc<Secrets>,
        host: &str,
        trees: Arc<dyn Trees>,
        folder: PathBuf,
    ) -> Result<Self, LogKeyError> {
        let key = LogKey::open(executor, secrets, host).await?;
        let made = folder.clone();
        blocking(move || last_signed::create_folder(&made)).await??;
        Ok(Self(Arc::new(Inner { key, trees, folder, newest: SyncMutex::default() })))
    }

    /// The log's name: `packages.example.org/log/acme`, or `packages.example.org/log` of the server's.
    #[must_use]
    pub fn origin(&self, organisation: Option<&OrganisationName>) -> String {
        let host = self.0.key.host();
        organisation.map_or_else(|| format!("{host}/log"), |name| format!("{host}/log/{name}"))
    }

    /// What verifiers pin for the log called `origin`.
    #[must_use]
    pub fn verifier_key(&self, origin: &str) -> VerifierKey {
        self.0.key.verifier(origin)
    }

    /// `text` as a note signed by the key of the log called `origin`.
    #[must_use]
    pub fn note(&self, origin: &str, text: String) -> String {
        Note { signatures: vec![self.0.key.sign(origin, &text)], text }.to_string()
    }

    /// A checkpoint of the log as it is now, as a signed note; none if it has no entry.
    ///
    /// # Errors
    /// See [`SignLogError`].
    pub async fn checkpoint(&self, log: LogName, origin: &str) -> Result<Option<String>, SignLogError> {
        let Inner { key, trees, folder, .. } = &*self.0;
        if trees.now(log).is_none() {
            return Ok(None);
        }
        let newest = self.0.newest(log);
        let mut newest = newest.lock().await;
        let Some(state) = trees.now(log) else { return Ok(None) };
        if let Some((signed, note)) = &*newest
            && *signed == state
        {
            return Ok(Some(note.clone()));
        }
        let file = last_signed::file(folder, log);
        let last = in_file(&file, last_signed::read).await?;
        if let Some(last) = last {
            let root = trees.root_at(log, last.size).await.map_err(SignLogError::Tree)?;
            if root != Some(last.root) {
                let origin = origin.to_owned();
                return Err(SignLogError::Fork { origin, signed: last.size, root: last.root, has: state.size });
            }
        }
        if last != Some(state) {
            in_file(&file, move |file| last_signed::raise(file, state)).await?;
        }
        let text = Checkpoint { origin: origin.to_owned(), size: state.size, root: state.root }.to_string();
        let note = Note { signatures: vec![key.sign(origin, &text)], text }.to_string();
        *newest = Some((state, note.clone()));
        Ok(Some(note))
    }
}

impl LogSigner {
    /// A checkpoint of the log as it was with `size` entries, as a signed note; none if it never had so many, or `size`
    /// is 0.
    ///
    /// # Errors
    /// See [`SignLogError`].
    pub async fn checkpoint_at(&self, log: LogName, origin: &str, size: u64) -> Result<Option<String>, SignLogError> {
        // The present log is verified first: then every beginning of it is valid, and none contradicts what was
        // signed.
        if self.checkpoint(log, origin).await?.is_none() || size == 0 {
            return Ok(None);
        }
        let Some(root) = self.0.trees.root_at(log, size).await.map_err(SignLogError::Tree)? else { return Ok(None) };
        let text = Checkpoint { origin: origin.to_owned(), size, root }.to_string();
        Ok(Some(self.note(origin, text)))
    }
}

/// Reads or writes the state that was signed last.
async fn in_file<T: Send + 'static>(
    file: &Path,
    work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T, SignLogError> {
    let path = file.to_owned();
    let worked = blocking(move || work(&path)).await?;
    worked.map_err(|source| SignLogError::Kept { path: file.to_owned(), source })
}
