//! The logs' key: Ed25519, made at the first start, sealed, and announced in an event.

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use domain::{
    checkpoint::{NoteSignature, VerifierKey},
    ids::SigningKeyId,
    signing_key::{Command, LogKey as Announced, Refusal, SigningKey},
};
use event_log::execute::{Context, ExecuteError, Executor, LogError};
use stores::{
    blocking::BrokeOff,
    secrets::{Secrets, SecretsError},
};
use zeroize::Zeroizing;

/// The purpose of the sealed key: a secret sealed for another purpose cannot be opened.
pub(crate) const LOG_KEY_PURPOSE: &str = "transparency-log-key";

/// The key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogKeyError {
    /// The secret store refuses.
    #[error("cannot seal or open the signing key of the transparency logs")]
    Secrets(#[from] SecretsError),
    /// Its signatures could not be verified.
    #[error("the sealed signing key of the transparency logs is not the one that the event log announces, {announced}")]
    OtherKey {
        /// The public key of the event.
        announced: String,
    },
    /// A defect of this program, or a damaged seal.
    #[error("the sealed signing key of the transparency logs is not an Ed25519 key")]
    NoKey,
    /// The log cannot be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The folder cannot be made.
    #[error("cannot make the folder for the last signed states of the transparency logs")]
    Folder(#[from] std::io::Error),
    /// A defect of this program.
    #[error("the background task that opens the signing key of the transparency logs crashed or was cancelled")]
    BrokeOff(#[from] BrokeOff),
}

impl From<ExecuteError<Refusal>> for LogKeyError {
    fn from(error: ExecuteError<Refusal>) -> Self {
        match error {
            ExecuteError::Refused(refusal) => Self::Refused(refusal),
            ExecuteError::Log(error) => Self::Log(error),
        }
    }
}

pub(super) struct LogKey {
    pair: Ed25519KeyPair,
    host: String,
    public: [u8; 32],
}

impl LogKey {
    /// A crash between sealing and announcing leaves a sealed key that the next start announces.
    pub(super) async fn open(executor: &Executor, secrets: &Arc<Secrets>, host: &str) -> Result<Self, LogKeyError> {
        let announced =
            executor.inspect::<SigningKey, _>(SigningKeyId::service().0, |keys, _| keys.log_key().cloned()).await?;
        let sealed = unsealed(secrets).await?;
        let pair = Ed25519KeyPair::from_pkcs8(&sealed).map_err(|_| LogKeyError::NoKey)?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| LogKeyError::NoKey)?;
        let announced = match announced {
            Some(announced) => announced,
            None => {
                let new = Announced { host: host.to_owned(), public_key: hex::encode(public) };
                let announce = Command::AnnounceLogKey(new.clone());
                let context = Context::of_worker("transparency", None);
                executor.execute::<SigningKey>(SigningKeyId::service().0, announce, &context).await?;
                new
            }
        };
        if announced.public_key != hex::encode(public) {
            return Err(LogKeyError::OtherKey { announced: announced.public_key });
        }
        Ok(Self { pair, host: announced.host, public })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn verifier(&self, name: &str) -> VerifierKey {
        VerifierKey { name: name.to_owned(), key: self.public }
    }

    pub(super) fn sign(&self, name: &str, text: &str) -> NoteSignature {
        let signature = self.pair.sign(text.as_bytes()).as_ref().to_vec();
        NoteSignature { name: name.to_owned(), key_id: self.verifier(name).key_id(), signature }
    }
}

async fn unsealed(secrets: &Secrets) -> Result<Zeroizing<Vec<u8>>, LogKeyError> {
    let id = SigningKeyId::log().0;
    match secrets.unseal(id, LOG_KEY_PURPOSE).await {
        Err(SecretsError::NotFound { .. }) => {
            let pair = Ed25519KeyPair::generate().map_err(|_| LogKeyError::NoKey)?;
            let made = pair.to_pkcs8().map_err(|_| LogKeyError::NoKey)?;
            secrets.seal(id, LOG_KEY_PURPOSE, made.as_ref()).await?;
            Ok(Zeroizing::new(made.as_ref().to_vec()))
        }
        sealed => Ok(sealed?),
    }
}
