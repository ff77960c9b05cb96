//! Which key the holder of another shall use from now on, made on the way if it must be.

use domain::{
    ids::{AccessKeyId, RepositoryId},
    keyring::{Command, Keyring, NextKey, Refusal},
    names::MachineName,
    recorded::Position,
    token::{Token, TokenKind},
};
use event_log::execute::{Context, ExecuteError, LogError};
use stores::secrets::SecretsError;

use super::Rolls;

/// What the holder of a key shall use from now on.
#[derive(Debug)]
pub enum HandedOver {
    /// The key that it has.
    Same,
    /// Another one. It works once the projection has reached the position, if there is one.
    Other(Token, Option<Position>),
}

/// Why no key is handed over.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The key has ended, perhaps just now.
    #[error("the access key has ended")]
    Ended,
    /// An enrolment key does not say which machine holds it.
    #[error("this is an enrolment key: name the machine that enrols with ?machine=<name>")]
    NoMachine,
    /// The rules say no.
    #[error(transparent)]
    Refused(Refusal),
    /// The log cannot be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A key cannot be sealed, or the sealed one does not open.
    #[error("cannot seal or open the machine's access key")]
    Secrets(#[from] SecretsError),
}

impl Rolls {
    /// Hands over what follows `key`, which was judged already; `machine` is what its holder calls itself.
    ///
    /// # Errors
    /// See [`HandoverError`].
    pub async fn hand_over(
        &self,
        repository: RepositoryId,
        key: AccessKeyId,
        machine: Option<MachineName>,
        context: &Context,
    ) -> Result<HandedOver, HandoverError> {
        let now = self.executor.now();
        let next = self.executor.inspect::<Keyring, _>(repository.0, |keyring, _| keyring.next_key(key, now)).await?;
        match (next, machine) {
            (None, _) => Err(HandoverError::Ended),
            (Some(NextKey::Same), _) => Ok(HandedOver::Same),
            (Some(NextKey::Sealed(successor)), _) => Ok(HandedOver::Other(self.open(successor).await?, None)),
            (Some(NextKey::ToRenew(new)), _) => self.renew(repository, key, new, context).await,
            (Some(NextKey::ToEnrol), None) => Err(HandoverError::NoMachine),
            (Some(NextKey::ToEnrol), Some(machine)) => self.enrol(repository, key, machine, context).await,
        }
    }

    /// The key's id follows from the old one's: two calls at the same time, and a call after a crash, find the same
    /// sealed key.
    async fn renew(
        &self,
        repository: RepositoryId,
        old: AccessKeyId,
        new: AccessKeyId,
        context: &Context,
    ) -> Result<HandedOver, HandoverError> {
        let issued = (self.issue)(TokenKind::AccessKey).under(new.0);
        let token = self.seal_or_open(issued).await?;
        let renew = Command::RenewKey { old, secret_sha256: token.secret_sha256(), now: self.executor.now() };
        match self.executor.execute::<Keyring>(repository.0, renew, context).await {
            Ok(executed) => Ok(HandedOver::Other(token, executed.position)),
            Err(ExecuteError::Log(error)) => Err(error.into()),
            // The grace window has closed since it was read. Other requests for the key get the same answer.
            Err(ExecuteError::Refused(Refusal::Unknown | Refusal::NotRenewable)) => {
                self.unseal_all(vec![token]).await?;
                Err(HandoverError::Ended)
            }
            Err(ExecuteError::Refused(refusal)) => Err(HandoverError::Refused(refusal)),
        }
    }

    /// The machine's key is not kept: a machine that loses the answer enrols again.
    async fn enrol(
        &self,
        repository: RepositoryId,
        enrolment: AccessKeyId,
        machine: MachineName,
        context: &Context,
    ) -> Result<HandedOver, HandoverError> {
        let token = (self.issue)(TokenKind::AccessKey);
        let (key, secret_sha256) = (AccessKeyId(token.id()), token.secret_sha256());
        let enrol = Command::EnrolMachine { enrolment, key, machine, secret_sha256, now: self.executor.now() };
        match self.executor.execute::<Keyring>(repository.0, enrol, context).await {
            Ok(executed) => Ok(HandedOver::Other(token, executed.position)),
            Err(ExecuteError::Log(error)) => Err(error.into()),
            Err(ExecuteError::Refused(Refusal::Unknown)) => Err(HandoverError::Ended),
            Err(ExecuteError::Refused(refusal)) => Err(HandoverError::Refused(refusal)),
        }
    }
}
