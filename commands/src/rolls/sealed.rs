//! Keys that wait to be handed over, in the secret store.

use std::sync::Arc;

use domain::{
    ids::AccessKeyId,
    token::{Token, TokenKind},
};
use tokio::task::spawn_blocking;

use super::Rolls;
use crate::secrets::{Secrets, SecretsError};

/// What they are sealed for.
const PURPOSE: &str = "access key to be handed over";

impl Rolls {
    /// Seals keys under their ids.
    pub(super) async fn seal(&self, tokens: Vec<Token>) -> Result<(), SecretsError> {
        self.with_secrets(move |secrets| {
            tokens.iter().try_for_each(|token| secrets.seal(token.id(), PURPOSE, token.text().as_bytes()))
        })
        .await
    }

    /// Seals a key that two callers may make at the same time, and answers with the one that came first.
    pub(super) async fn seal_or_open(&self, token: Token) -> Result<Token, SecretsError> {
        self.with_secrets(move |secrets| match secrets.seal(token.id(), PURPOSE, token.text().as_bytes()) {
            Err(SecretsError::AlreadySealed { .. }) => open(secrets, AccessKeyId(token.id())),
            other => other.map(|()| token),
        })
        .await
    }

    /// The key that was sealed under this id.
    pub(super) async fn open(&self, key: AccessKeyId) -> Result<Token, SecretsError> {
        self.with_secrets(move |secrets| open(secrets, key)).await
    }

    /// Deletes keys that nobody was told of.
    pub(super) async fn unseal_all(&self, tokens: Vec<Token>) -> Result<(), SecretsError> {
        self.delete(tokens.iter().map(|token| AccessKeyId(token.id())).collect()).await
    }

    /// Deletes sealed keys. Fine if they are gone.
    pub(super) async fn delete(&self, keys: Vec<AccessKeyId>) -> Result<(), SecretsError> {
        self.with_secrets(move |secrets| keys.iter().try_for_each(|key| secrets.delete(key.0))).await
    }

    async fn with_secrets<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Secrets) -> Result<T, SecretsError> + Send + 'static,
    ) -> Result<T, SecretsError> {
        let secrets = Arc::clone(&self.secrets);
        match spawn_blocking(move || work(&secrets)).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

fn open(secrets: &Secrets, key: AccessKeyId) -> Result<Token, SecretsError> {
    let text = secrets.unseal(key.0, PURPOSE)?;
    let token = std::str::from_utf8(&text).ok().and_then(|text| Token::parse(text).ok());
    // Whoever sealed it was this program: anything else under the id is damage.
    token
        .filter(|token| token.kind() == TokenKind::AccessKey && token.id() == key.0)
        .ok_or(SecretsError::NotFound { id: key.0 })
}
