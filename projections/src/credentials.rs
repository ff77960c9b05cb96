//! Credentials: access keys, API tokens, operator tokens and feed tokens, answered from memory.
//!
//! After the runner has published the position of a revocation, no look-up says yes to what it revoked.

mod access_keys;
mod api_tokens;
mod feed_tokens;
mod operators;
mod projector;
mod secrets;
#[cfg(test)]
mod tests;
mod webhooks;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use domain::{
    digest::Sha256,
    ids::{OrganisationId, PersonId, TokenId},
};
use sqlx::SqlitePool;
use tokio::sync::watch;

use self::{access_keys::AccessKeys, secrets::Secrets};
pub use self::{
    access_keys::{
        ACCESS_KEYS_PAGE_MAX, AccessKey, KeyringProgress, KnownKey, Pass, SILENT_PAGE_MAX, SilentMachine, Standing,
    },
    api_tokens::{ApiGrant, ApiToken},
    feed_tokens::FeedToken,
    operators::{OperatorAccount, Standing as OperatorStanding},
    projector::CredentialsProjector,
    webhooks::Webhook,
};

/// The projector's name: in checkpoints, and to wait for.
pub const CREDENTIALS: &str = "credentials";

/// The secrets that work. Cheap to clone.
///
/// A look-up is one hash-map probe and one comparison whose time does not depend on what is compared, for known and
/// unknown ids alike; for an access key a few numbers are compared then. At a million keys it costs what it costs at
/// one.
#[derive(Clone)]
pub struct Credentials {
    readers: SqlitePool,
    live: Arc<RwLock<Live>>,
    windows: watch::Sender<u64>,
}

#[derive(Default)]
struct Live {
    access_keys: AccessKeys,
    api_tokens: Secrets<TokenId, ApiGrant>,
    webhooks: webhooks::Webhooks,
    operator_tokens: Secrets<TokenId, Option<PersonId>>,
    feed_tokens: Secrets<TokenId, OrganisationId>,
}

/// The read side and the projector that feeds it.
#[must_use]
pub fn credentials(readers: SqlitePool) -> (Credentials, CredentialsProjector) {
    let credentials = Credentials { readers, live: Arc::default(), windows: watch::Sender::new(0) };
    (credentials.clone(), CredentialsProjector::new(credentials))
}

impl Credentials {
    /// May the holder of this token do everything?
    #[must_use]
    pub fn is_operator(&self, token: TokenId, presented_sha256: &Sha256) -> bool {
        self.live().operator_tokens.owner(token, presented_sha256).is_some()
    }

    /// The person that this operator token belongs to; none for the server's first token.
    #[must_use]
    pub fn person(&self, token: TokenId) -> Option<PersonId> {
        self.live().operator_tokens.owner_of(&token).flatten()
    }

    /// May who once showed this operator token still act? For sessions: the token itself was checked when they began.
    #[must_use]
    pub fn has_operator_token(&self, token: TokenId) -> bool {
        self.live().operator_tokens.contains(&token)
    }

    fn live(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }
}
