//! Keys that wait to be handed over, in the secret store.

use domain::{
    ids::AccessKeyId,
    token::{Token, TokenKind},
};
use stores::secrets::SecretsError;

use super::Rolls;

/// What they are sealed for.
const PURPOSE: &str = "access key to be handed over";

impl Rolls {
    /// Seals keys under their ids.
    pub(super) async fn seal(&self, tokens: &[Token]) -> Result<(), SecretsError> {
        for token in tokens {
            self.secrets.seal(token.id(), PURPOSE, token.text().as_bytes()).await?;
        }
        Ok(())
    }

    /// Seals a key that two callers may make at the same time, and answers with the one that came first.
    pub(super) async fn seal_or_open(&self, token: Token) -> Result<Token, SecretsError> {
        match self.secrets.seal(token.id(), PURPOSE, token.text().as_bytes()).await {
            Err(SecretsError::AlreadySealed { .. }) => self.open(AccessKeyId(token.id())).await,
            other => other.map(|()| token),
        }
    }

    /// The key that was sealed under this id.
    pub(super) async fn open(&self, key: AccessKeyId) -> Result<Token, SecretsError> {
        let text = self.secrets.unseal(key.0, PURPOSE).await?;
        let token = std::str::from_utf8(&text).ok().and_then(|text| Token::parse(text).ok());
        // This program sealed it: anything else under the id is damage.
        token
            .filter(|token| token.kind() == TokenKind::AccessKey && token.id() == key.0)
            .ok_or(SecretsError::NotFound { id: key.0 })
    }

    /// Deletes keys that no client received.
    pub(super) async fn unseal_all(&self, tokens: Vec<Token>) -> Result<(), SecretsError> {
        self.delete(tokens.iter().map(|token| AccessKeyId(token.id())).collect()).await
    }

    /// Deletes sealed keys. Fine if they are gone.
    pub(super) async fn delete(&self, keys: Vec<AccessKeyId>) -> Result<(), SecretsError> {
        for key in keys {
            self.secrets.delete(key.0).await?;
        }
        Ok(())
    }
}
