//! Rolling access keys: new keys for old ones, at once or within a grace window, and who is handed which.

mod causes;
mod key_handover;
mod moves;
mod sealed;
#[cfg(test)]
mod tests;
mod windows;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{
    ids::{AccessKeyId, RepositoryId},
    keyring::{Command, Event, Keyring, Refusal, Replacement, Successor},
    recorded::Position,
    token::{Token, TokenKind},
};

pub use self::{
    key_handover::{HandedOver, HandoverError},
    moves::{Moves, moves},
    windows::{Window, WindowCloser},
};
use event_log::execute::{Context, ExecuteError, Executed, Executor, LogError};
use stores::secrets::{Secrets, SecretsError};

/// How often a roll looks at the keys again because a key was issued or revoked meanwhile.
const LOOKS_MAX: u32 = 16;

/// Rolls access keys and hands them over. Cheap to clone.
#[derive(Clone)]
pub struct Rolls {
    /// Runs commands.
    pub executor: Arc<Executor>,
    /// Where keys that are to be handed over lie sealed.
    pub secrets: Arc<Secrets>,
    /// Makes a new random token.
    pub issue: fn(TokenKind) -> Token,
}

/// What a roll led to.
#[derive(Debug)]
pub struct RolledKeys {
    /// The generation that began.
    pub generation: u32,
    /// The new keys. They are shown once.
    pub keys: Vec<NewKey>,
    /// Where the roll is in the log.
    pub position: Position,
}

/// A key that a roll made.
#[derive(Debug)]
pub struct NewKey {
    /// The key itself.
    pub token: Token,
    /// What is recorded of it.
    pub successor: Successor,
}

/// Why nothing was rolled.
#[derive(Debug, thiserror::Error)]
pub enum RollError {
    /// The keys were rolled since the caller looked, perhaps by this very call, whose answer was lost.
    #[error(
        "the access keys are already of generation {now}, not of {expected}: they were rolled in the meantime, and nothing was changed now"
    )]
    RolledAlready {
        /// The generation that the caller knew.
        expected: u32,
        /// The newest.
        now: u32,
    },
    /// The caller knows a generation that has not begun: nothing was rolled.
    #[error("the access keys are of generation {now}, and generation {expected} has not begun: nothing was changed")]
    NotThatFar {
        /// The generation that the caller named.
        expected: u32,
        /// The newest.
        now: u32,
    },
    /// The rules say no.
    #[error(transparent)]
    Refused(Refusal),
    /// The log cannot be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A new key cannot be sealed.
    #[error("cannot seal a new access key for the clients that are to get it")]
    Secrets(#[from] SecretsError),
}

impl Rolls {
    /// Ends every access key at once, and makes new ones.
    ///
    /// # Errors
    /// See [`RollError`]; nothing has changed then.
    pub async fn roll(
        &self,
        repository: RepositoryId,
        if_generation: Option<u32>,
        context: &Context,
    ) -> Result<RolledKeys, RollError> {
        self.renew_all(repository, if_generation, None, context).await
    }

    /// Makes new access keys, and lets the old ones work until `until`.
    ///
    /// # Errors
    /// See [`RollError`]; nothing has changed then.
    pub async fn open_grace(
        &self,
        repository: RepositoryId,
        if_generation: Option<u32>,
        until: DateTime<Utc>,
        context: &Context,
    ) -> Result<RolledKeys, RollError> {
        self.renew_all(repository, if_generation, Some(until), context).await
    }

    async fn renew_all(
        &self,
        repository: RepositoryId,
        if_generation: Option<u32>,
        until: Option<DateTime<Utc>>,
        context: &Context,
    ) -> Result<RolledKeys, RollError> {
        let mut look = 1;
        loop {
            let now = self.executor.now();
            let (generation, olds) = self
                .executor
                .inspect::<Keyring, _>(repository.0, |keyring, _| (keyring.generation(), keyring.to_renew(now)))
                .await?;
            match if_generation {
                Some(expected) if expected < generation => {
                    return Err(RollError::RolledAlready { expected, now: generation });
                }
                Some(expected) if expected > generation => {
                    return Err(RollError::NotThatFar { expected, now: generation });
                }
                _ => {}
            }
            let tokens: Vec<Token> = olds.iter().map(|_| (self.issue)(TokenKind::AccessKey)).collect();
            let replacements = olds.iter().zip(&tokens).map(|(old, token)| Replacement {
                old: *old,
                new: AccessKeyId(token.id()),
                secret_sha256: token.secret_sha256(),
            });
            let replacements = replacements.collect();
            let command = match until {
                None => Command::Roll { replacements, now },
                Some(until) => {
                    self.seal(&tokens).await?;
                    Command::OpenGrace { until, replacements, now }
                }
            };
            match self.executor.execute::<Keyring>(repository.0, command, context).await {
                Ok(executed) => return Ok(rolled(executed, tokens)),
                Err(ExecuteError::Log(error)) => return Err(error.into()),
                Err(ExecuteError::Refused(refusal)) => {
                    if until.is_some() {
                        self.unseal_all(tokens).await?;
                    }
                    if refusal != Refusal::KeysChanged || look == LOOKS_MAX {
                        return Err(RollError::Refused(refusal));
                    }
                    look += 1;
                }
            }
        }
    }
}

fn rolled(executed: Executed<Event>, tokens: Vec<Token>) -> RolledKeys {
    let mut keys = Vec::with_capacity(tokens.len());
    let mut begun = 0;
    for event in executed.events {
        if let Event::Rolled { generation, keys: successors } | Event::GraceOpened { generation, successors, .. } =
            event
        {
            begun = generation;
            let token = |id: AccessKeyId| tokens.iter().find(|token| token.id() == id.0).cloned();
            keys.extend(
                successors.into_iter().filter_map(|successor| Some(NewKey { token: token(successor.new)?, successor })),
            );
        }
    }
    RolledKeys { generation: begun, keys, position: executed.position.unwrap_or_default() }
}
